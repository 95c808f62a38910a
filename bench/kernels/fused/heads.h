// Losses on packed logits: totals in double, and the gradient of `scale` times the total in place of the logits.
#pragma once
#include "simd.h"

// What a split's scores are made of.
struct Tally {
    double nats, units, hits, errors;
};

// Independent Bernoulli outputs (N, ld), the first O of them real; targets are zeros and ones.
template <class T> static void bernoulli(T* logits, const T* targets, int64_t N, int64_t O, int64_t ld, T scale, bool gradient, Tally& tally) {
    constexpr int W = Lanes<T>::W;
    for (int64_t n = 0; n < N; n++) {
        T *x = logits + n * ld, total = 0;
        const T* y = targets + n * ld;
        int64_t hits = 0, errors = 0;
        Vec<T> nats{};
        for (int64_t i = 0; i < ld; i += W) {
            Vec<T> a = load(x + i), b = load(y + i), zero{};
            int lanes = (int)std::min<int64_t>(W, O - i);
            Vec<T> loss = (a > zero ? a : zero) - a * b + softplus_tail(a > zero ? a : -a);
            if (lanes == W) nats += loss;
            else for (int l = 0; l < lanes; l++) total += loss[l];
            if (!gradient)
                for (int l = 0; l < lanes; l++) { bool p = a[l] > 0, q = b[l] > T(0.5); hits += p && q; errors += p != q; }
            else {
                Vec<T> d = (sigmoid(a) - b) * scale;
                for (int l = lanes; l < W; l++) d[l] = 0;
                store(x + i, d);
            }
        }
        tally.nats += (double)total + (double)sum<T>(nats);
        tally.hits += hits;
        tally.errors += errors;
    }
    tally.units += N;
}

// Softmax over the first V of ld logits; targets are token numbers.
template <class T> static void softmax(T* logits, const int64_t* targets, int64_t N, int64_t V, int64_t ld, T scale, bool gradient, Tally& tally) {
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
