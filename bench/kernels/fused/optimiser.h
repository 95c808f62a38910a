// Clipping and the optimisers of torch.optim, on one member's row of weights, in the order of torch's operations.
#pragma once
#include "interface.h"
#include "simd.h"

template <class T> static double norm(const T* g, int64_t n) {
    double total = 0;
    int64_t i = 0;
    while (i + 16 <= n) {  // sums of up to 64 vectors in T, their total in double
        T part[16] = {0};
        for (int64_t end = std::min(n - 15, i + 16 * 64); i < end; i += 16)
            for (int l = 0; l < 16; l++) part[l] += g[i + l] * g[i + l];
        for (int l = 0; l < 16; l++) total += part[l];
    }
    for (; i < n; i++) total += (double)g[i] * g[i];
    return std::sqrt(total);
}

template <class T>
static void apply(const Rule& rule, int64_t step, T* __restrict w, T* __restrict g, T* __restrict m, T* __restrict v, int64_t n) {
    const T lr = rule.lr, decay = rule.weight_decay, eps = rule.eps, mu = rule.momentum;
    if (rule.name == 3)
        for (int64_t i = 0; i < n; i++) w[i] *= T(1 - rule.lr * rule.weight_decay);
    else if (decay != 0)
        for (int64_t i = 0; i < n; i++) g[i] += decay * w[i];
    if (rule.name >= 2) {
        const T b2 = rule.beta2, c1 = 1 - rule.beta1, c2 = 1 - rule.beta2;
        const T size = rule.lr / (1 - std::pow(rule.beta1, step)), root = std::sqrt(1 - std::pow(rule.beta2, step));
        for (int64_t i = 0; i < n; i++) {
            m[i] = m[i] + c1 * (g[i] - m[i]);
            v[i] = b2 * v[i] + c2 * g[i] * g[i];
            w[i] -= size * m[i] / (std::sqrt(v[i]) / root + eps);
        }
    } else if (rule.name == 1) {
        const T a = rule.alpha, c = 1 - rule.alpha, added = rule.has_largest_eps ? 0 : eps, least = rule.has_largest_eps ? eps : 0;
        const bool has_velocity = rule.clip_velocity > 0;
        for (int64_t i = 0; i < n; i++) {
            v[i] = a * v[i] + c * g[i] * g[i];
            T d = g[i] / std::max(std::sqrt(v[i]) + added, least);
            if (has_velocity) { m[i] = mu * m[i] + lr * d; continue; }
            if (mu != 0) d = m[i] = mu * m[i] + d;
            w[i] -= lr * d;
        }
        if (has_velocity) {
            const T scale = rule.clip_velocity / std::max(rule.clip_velocity, norm<T>(m, n));
            for (int64_t i = 0; i < n; i++) w[i] -= scale * m[i];
        }
    } else {
        for (int64_t i = 0; i < n; i++) {
            T d = g[i];
            if (mu != 0) {
                m[i] = step == 1 ? d : mu * m[i] + d;
                d = rule.nesterov ? d + mu * m[i] : m[i];
            }
            w[i] -= lr * d;
        }
    }
}
