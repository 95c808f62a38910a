// The rows of a padded batch in packed order, and what is done to all of them alike.
#pragma once
#include "interface.h"
#include "simd.h"
#include <vector>

// A batch of sequences sorted from long to short and packed step by step: step t holds rows start[t] to start[t] + width[t],
// one for each sequence that is that long. Padding is nowhere: it costs neither numbers nor time.
struct Steps {
    int64_t T, B, N;
    const int64_t* start;
    const int64_t* width;
};

// What a layer reads. Rows may be shared: with `shared`, packed row n reads row shared[n] of x, and everything that depends
// on the input alone is computed once for each distinct row. With `keys`, row n is zero but for the numbers
// values[first[n]..first[n + 1]) at those keys; sums then skip the zeros and have the same bits as if they did not.
template <class T> struct Input {
    const T* x;
    int64_t ld, rows;
    const int64_t* shared;
    const int64_t* first;
    const int32_t* keys;
    const T* values;
};

// The packed order of a batch: sequences from long to short, then step by step.
struct Packing {
    std::vector<int64_t> order, start, width, rows;  // rows[n] = b T + t of packed row n
    Steps steps;

    explicit Packing(const Batch& batch) : order(batch.B) {
        for (int64_t b = 0; b < batch.B; b++) order[b] = b;
        std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return batch.lengths[a] > batch.lengths[b]; });
        int64_t active = batch.B, longest = batch.B ? batch.lengths[order[0]] : 0;
        for (int64_t t = 0; t < longest; t++) {
            while (active > 0 && batch.lengths[order[active - 1]] <= t) active--;
            start.push_back((int64_t)rows.size());
            width.push_back(active);
            for (int64_t j = 0; j < active; j++) rows.push_back(order[j] * batch.T + t);
        }
        steps = {longest, batch.B, (int64_t)rows.size(), start.data(), width.data()};
    }
};

// Copy rows of `size` numbers into packed rows of `ld`, the rest zero.
template <class T> static void gather(const T* from, int64_t size, const std::vector<int64_t>& rows, T* to, int64_t ld) {
    for (size_t n = 0; n < rows.size(); n++) {
        std::copy(from + rows[n] * size, from + (rows[n] + 1) * size, to + n * ld);
        std::fill(to + n * ld + size, to + (n + 1) * ld, T(0));
    }
}

// Multiply packed rows by dropout's factors.
template <class T> static void scale_rows(const T* factors, int64_t size, const std::vector<int64_t>& rows, T* x, int64_t ld) {
    for (size_t n = 0; n < rows.size(); n++)
        for (int64_t i = 0; i < size; i++) x[n * ld + i] *= factors[rows[n] * size + i];
}
