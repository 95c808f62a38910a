"""Claims of the literature: what each says, and by which rule the runs of any sweep are judged on it."""
