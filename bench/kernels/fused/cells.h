// Cells: the pointwise equations of one step, forward and backward, for one vector of units of one sequence.
//
// A cell says how many gate blocks it has (GATES), which of them multiply h (the first FIRST of the recurrent order) and
// which multiply an intermediate of the cell's own (the rest, SECOND), what it keeps for the backward pass (SAVED), and
// where in its gradient blocks D those of the input side and of the recurrent side begin. INPUT[i] and RECURRENT[i] are
// the gate, in the order of the weights' rows, of the i-th block on either side.
// `At` gives a cell its surroundings: wx(i), prev(s), save(i, v), saved(i), d(i, v) and so on.
#pragma once
#include "simd.h"

// Where a step of one sequence reads and writes, at one vector of units.
template <class T> struct At {
    const T* wx_;       // input preactivations, gate blocks `stride` apart
    const T* peephole_;  // rows of peephole weights, `stride` apart
    const T* prev_[2];  // states before the step
    T* next_[2];        // states after it
    T* saved_;          // kept for the backward pass, blocks `stride` apart
    T* middle_;         // the intermediate that the second product multiplies
    T* d_;              // gradients of the preactivations, blocks `stride` apart
    const T* d_out_;    // gradient that reaches h from above
    T* carry_[2];       // gradients that reach the states from the step after; then from this step
    T* d_peephole_;     // gradients of the peephole weights, summed over steps and sequences
    int64_t stride;

    Vec<T> wx(int i) const { return load(wx_ + i * stride); }
    Vec<T> peephole(int i) const { return load(peephole_ + i * stride); }
    Vec<T> prev(int s) const { return load(prev_[s]); }
    Vec<T> next(int s) const { return load((const T*)next_[s]); }
    void next(int s, Vec<T> v) const { store(next_[s], v); }
    Vec<T> saved(int i) const { return load((const T*)saved_ + i * stride); }
    void save(int i, Vec<T> v) const { store(saved_ + i * stride, v); }
    void middle(Vec<T> v) const { store(middle_, v); }
    Vec<T> d(int i) const { return load((const T*)d_ + i * stride); }
    void d(int i, Vec<T> v) const { store(d_ + i * stride, v); }
    Vec<T> d_h() const { return load(d_out_) + load((const T*)carry_[0]); }
    Vec<T> carry(int s) const { return load((const T*)carry_[s]); }
    void carry(int s, Vec<T> v) const { store(carry_[s], v); }
    void add_d_peephole(int i, Vec<T> v) const { store(d_peephole_ + i * stride, load((const T*)d_peephole_ + i * stride) + v); }
};

// h = tanh(wx + U h)
struct Tanh {
    static constexpr int GATES = 1, FIRST = 1, SECOND = 0, SAVED = 0, STATES = 1, BLOCKS = 1, INPUT_AT = 0, RECURRENT_AT = 0;
    static constexpr bool PEEPHOLES = false;
    static constexpr int INPUT[] = {0}, RECURRENT[] = {0};
    template <class T> static void forward(const At<T>& at, const Vec<T>* u) { at.next(0, tanh_(at.wx(0) + u[0])); }
    template <class T> static void backward(const At<T>& at) {
        Vec<T> h = at.next(0);
        at.d(0, at.d_h() * (1 - h * h));
        at.carry(0, Vec<T>{});
    }
};

// i, f, o = sigmoid, g = tanh of wx + U h (+ peepholes); c' = f c + i g; h' = o tanh(c')
template <bool PEEP> struct Lstm {
    static constexpr int GATES = 4, FIRST = 4, SECOND = 0, SAVED = 5, STATES = 2, BLOCKS = 4, INPUT_AT = 0, RECURRENT_AT = 0;
    static constexpr bool PEEPHOLES = PEEP;
    static constexpr int INPUT[] = {0, 1, 2, 3}, RECURRENT[] = {0, 1, 2, 3};
    template <class T> static void forward(const At<T>& at, const Vec<T>* u) {
        Vec<T> c = at.prev(1), ai = at.wx(0) + u[0], af = at.wx(1) + u[1], ao = at.wx(3) + u[3];
        if constexpr (PEEP) { ai += at.peephole(0) * c; af += at.peephole(1) * c; }
        Vec<T> i = sigmoid(ai), f = sigmoid(af), g = tanh_(at.wx(2) + u[2]);
        Vec<T> next = f * c + i * g;
        if constexpr (PEEP) ao += at.peephole(2) * next;
        Vec<T> o = sigmoid(ao), tc = tanh_(next);
        at.next(1, next);
        at.next(0, o * tc);
        at.save(0, i); at.save(1, f); at.save(2, g); at.save(3, o); at.save(4, tc);
    }
    template <class T> static void backward(const At<T>& at) {
        Vec<T> i = at.saved(0), f = at.saved(1), g = at.saved(2), o = at.saved(3), tc = at.saved(4), c = at.prev(1), dh = at.d_h();
        Vec<T> d_o = dh * tc * o * (1 - o), dc = at.carry(1) + dh * o * (1 - tc * tc);
        if constexpr (PEEP) dc += d_o * at.peephole(2);
        Vec<T> d_i = dc * g * i * (1 - i), d_f = dc * c * f * (1 - f);
        at.d(0, d_i); at.d(1, d_f); at.d(2, dc * i * (1 - g * g)); at.d(3, d_o);
        Vec<T> before = dc * f;
        if constexpr (PEEP) {
            before += d_i * at.peephole(0) + d_f * at.peephole(1);
            at.add_d_peephole(0, d_i * c); at.add_d_peephole(1, d_f * c); at.add_d_peephole(2, d_o * at.next(1));
        }
        at.carry(1, before);
        at.carry(0, Vec<T>{});
    }
};

// r, z = sigmoid(wx + U h); n = tanh(wx + r (U h)); h' = n + z (h - n). Blocks of D: n, r, z on the input side, then r, z
// and r's share of n on the recurrent side.
struct GruAfter {
    static constexpr int GATES = 3, FIRST = 3, SECOND = 0, SAVED = 4, STATES = 1, BLOCKS = 4, INPUT_AT = 0, RECURRENT_AT = 1;
    static constexpr bool PEEPHOLES = false;
    static constexpr int INPUT[] = {2, 0, 1}, RECURRENT[] = {0, 1, 2};
    template <class T> static void forward(const At<T>& at, const Vec<T>* u) {
        Vec<T> r = sigmoid(at.wx(1) + u[0]), z = sigmoid(at.wx(2) + u[1]), n = tanh_(at.wx(0) + r * u[2]);
        at.next(0, n + z * (at.prev(0) - n));
        at.save(0, r); at.save(1, z); at.save(2, n); at.save(3, u[2]);
    }
    template <class T> static void backward(const At<T>& at) {
        Vec<T> r = at.saved(0), z = at.saved(1), n = at.saved(2), u = at.saved(3), dh = at.d_h();
        Vec<T> d_n = dh * (1 - z) * (1 - n * n);
        at.d(0, d_n);
        at.d(1, d_n * u * r * (1 - r));
        at.d(2, dh * (at.prev(0) - n) * z * (1 - z));
        at.d(3, d_n * r);
        at.carry(0, dh * z);
    }
};

// r, z = sigmoid(wx + U h); n = tanh(wx + U (r h)); h' = n + z (h - n)
struct GruBefore {
    static constexpr int GATES = 3, FIRST = 2, SECOND = 1, SAVED = 3, STATES = 1, BLOCKS = 3, INPUT_AT = 0, RECURRENT_AT = 0;
    static constexpr bool PEEPHOLES = false;
    static constexpr int INPUT[] = {0, 1, 2}, RECURRENT[] = {0, 1, 2};
    template <class T> static void forward(const At<T>& at, const Vec<T>* u) {
        Vec<T> r = sigmoid(at.wx(0) + u[0]);
        at.save(0, r);
        at.save(1, sigmoid(at.wx(1) + u[1]));
        at.middle(r * at.prev(0));
    }
    template <class T> static void forward_second(const At<T>& at, const Vec<T>* u) {
        Vec<T> z = at.saved(1), n = tanh_(at.wx(2) + u[0]);
        at.save(2, n);
        at.next(0, n + z * (at.prev(0) - n));
    }
    template <class T> static void backward(const At<T>& at) {
        Vec<T> z = at.saved(1), n = at.saved(2), dh = at.d_h();
        at.d(1, dh * (at.prev(0) - n) * z * (1 - z));
        at.d(2, dh * (1 - z) * (1 - n * n));
        at.carry(0, dh * z);
    }
    template <class T> static void backward_second(const At<T>& at, Vec<T> d_middle) {
        Vec<T> r = at.saved(0), h = at.prev(0);
        at.d(0, d_middle * h * r * (1 - r));
        at.carry(0, at.carry(0) + d_middle * r);
    }
};
