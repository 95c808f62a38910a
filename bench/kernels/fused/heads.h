// Losses on packed logits: totals in double, and the gradient of `scale` times the total in place of the logits.
#pragma once
#include "interface.h"
#include "simd.h"

// Independent Bernoulli outputs (N, ld), the first O of them real; targets are zeros and ones, padding is zero in both.
//
// The loss of one output is max(x, 0) - x y + log(1 + e^-|x|). The last terms are multiplied before their logarithm is
// taken: each factor is at most 2, so that a hundred of them fit in a float.
template <class T> void bernoulli(T* logits, const T* targets, int64_t N, int64_t O, int64_t ld, T scale, bool gradient, Tally& tally) {
    constexpr int W = Lanes<T>::W;
    typedef typename Lanes<T>::Int Int;
    const Vec<T> zero{}, one = broadcast(T(1)), half = broadcast(T(0.5));
    const int64_t rows_per_log = std::max<int64_t>(1, 96 / (ld / W));
    Int last{}, hits{}, errors{};
    for (int l = 0; l < W; l++) last[l] = ld - W + l < O ? -1 : 0;
    Vec<T> factors = one;
    double total = 0;
    for (int64_t n = 0; n < N; n++) {
        T* x = logits + n * ld;
        const T* y = targets + n * ld;
        Vec<T> nats{};
        for (int64_t i = 0; i < ld; i += W) {
            Vec<T> a = load(x + i), b = load(y + i), factor, s = sigmoid_and(a, factor);
            Int real = i + W < ld ? ~Int{} : last;
            nats += (a > zero ? a : zero) - a * b;
            factors *= real ? factor : one;
            if (gradient) {
                store(x + i, real ? (s - b) * scale : zero);
            } else {
                Int p = (a > zero) & real, q = (b > half) & real;
                hits -= p & q;
                errors -= p ^ q;
            }
        }
        total += (double)sum<T>(nats);
        if ((n + 1) % rows_per_log == 0 || n + 1 == N) {
            for (int l = 0; l < W; l++) total += std::log((double)factors[l]);
            factors = one;
        }
    }
    tally.nats += total;
    tally.units += N;
    for (int l = 0; l < W; l++) tally.hits += hits[l], tally.errors += errors[l];
}

// Softmax over the first V of ld logits; targets are token numbers.
template <class T> void softmax(T* logits, const int64_t* targets, int64_t N, int64_t V, int64_t ld, T scale, bool gradient, Tally& tally) {
    constexpr int W = Lanes<T>::W;
    for (int64_t n = 0; n < N; n++) {
        T* x = logits + n * ld;
        for (int64_t i = V; i < ld; i++) x[i] = -INFINITY;  // padding has no probability
        Vec<T> most = load(x);
        for (int64_t i = W; i < ld; i += W) { Vec<T> a = load(x + i); most = a > most ? a : most; }
        T top = x[0];
        for (int l = 0; l < W; l++) top = most[l] > top ? most[l] : top;
        T target = x[targets[n]];
        if (!gradient) tally.hits += std::max_element(x, x + V) - x == targets[n];
        Vec<T> total{};
        for (int64_t i = 0; i < ld; i += W) { Vec<T> e = exp_(load(x + i) - top); total += e; store(x + i, e); }
        double all = (double)sum<T>(total) - 0.0;
        tally.nats += std::log(all) + (double)top - (double)target;
        if (!gradient) continue;
        Vec<T> factor = broadcast(T(scale / all));
        for (int64_t i = 0; i < ld; i += W) store(x + i, load((const T*)x + i) * factor);
        x[targets[n]] -= scale;
        for (int64_t i = V; i < ld; i++) x[i] = 0;
    }
    tally.units += N;
}

// Compiled once for all cells, in common.cpp.
extern template void bernoulli<REAL>(REAL*, const REAL*, int64_t, int64_t, int64_t, REAL, bool, Tally&);
extern template void softmax<REAL>(REAL*, const int64_t*, int64_t, int64_t, int64_t, REAL, bool, Tally&);
