// What is the same for all cells, compiled once: matrix products, inputs, losses, noise, optimisers.
#include "heads.h"
#include "inputs.h"
#include "matrix.h"
#include "optimiser.h"
#include "philox.h"

template void product<REAL>(const REAL*, int64_t, int64_t, const int*, int64_t, int64_t, const REAL*, int64_t, REAL*, int64_t, int64_t, const REAL*, bool);
template void outer<REAL>(const REAL*, int64_t, int64_t, const REAL*, int64_t, int64_t, int64_t, REAL*, int64_t);
template void column_sums<REAL>(const REAL*, int64_t, int64_t, int64_t, REAL*);
template void bernoulli<REAL>(REAL*, const REAL*, int64_t, int64_t, int64_t, REAL, bool, Tally&);
template void softmax<REAL>(REAL*, const int64_t*, int64_t, int64_t, int64_t, REAL, bool, Tally&);
template struct Inputs<REAL>;
template void add_noise<REAL>(REAL*, int64_t, double, uint64_t, uint64_t, uint32_t);
template void draw_factors<REAL>(REAL*, int64_t, double, uint64_t, uint64_t, uint32_t);

// Clip and step; returns the norm before clipping. A norm that is not finite changes nothing.
template <class T> double update(const Rule* rule, int64_t count, T* w, T* g, T* m, T* v, int64_t n) {
    double length = norm<T>(g, n);
    if (!std::isfinite(length)) return length;
    if (rule->clip_norm > 0) {
        T factor = std::min(1.0, rule->clip_norm / (length + 1e-6));
        for (int64_t i = 0; i < n; i++) g[i] *= factor;
    }
    apply<T>(*rule, count, w, g, m, v, n);
    return length;
}

extern "C" __attribute__((visibility("default"))) void add_weight_noise(const Noise* noise, uint64_t update, uint32_t first_place, REAL* row) {
    for (int64_t i = 0; i < noise->n_noisy; i++)
        add_noise<REAL>(row + noise->noisy[2 * i], noise->noisy[2 * i + 1], noise->weights, noise->weight_key, update, first_place + i);
}

extern "C" __attribute__((visibility("default"))) double update_weights(const Rule* r, int64_t count, REAL* w, REAL* g, REAL* m, REAL* v, int64_t n) {
    return update(r, count, w, g, m, v, n);
}
