// Training of recurrent models of one cell, one member at a time: a step, and updates one after another.
// A plain C interface: no header but its own and the compiler's, so that it builds in seconds.
#include "updates.h"

extern "C" {
// Add the totals of a batch to `tally`; with `grads`, also write the gradient of scale times the total loss.
// Returns 0, 1 if there is no memory, 2 for too many layers.
__attribute__((visibility("default"))) int step_batch(const Model* m, const Batch* b, REAL* row, REAL* grads, double scale, Tally* tally) {
    return step<REAL, Cell>(m, b, row, grads, scale, tally);
}

// Take a segment's updates. Returns how many, or what `Updates::take` says where there are none.
__attribute__((visibility("default"))) int64_t take_updates(Segment* segment) {
    try {
        return Updates<REAL, Cell>(*segment).take();
    } catch (const std::bad_alloc&) {
        return -1;
    }
}
}
