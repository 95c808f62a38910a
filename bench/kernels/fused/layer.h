// One recurrent layer of one member over a packed batch: the time loop, written once for every cell.
#pragma once
#include "cells.h"
#include "matrix.h"

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

// One layer's weights in the order of their rows; the pointers that a cell does not have are null.
template <class T> struct LayerWeights {
    T *W, *U, *b, *b_recurrent, *P;
};

template <class T, class C> struct Layer {
    static constexpr int LANES = Lanes<T>::W;
    static constexpr int UNITS = C::FIRST == 1 ? VECS : 1;        // unit vectors of a tile
    static constexpr int TILE_ROWS = C::FIRST == 4 ? 6 : ROWS;    // so that the accumulators fit the registers
    int64_t I, H, Ip, Hp, units;
    Steps steps;
    const int64_t* shared = nullptr;
    T *wx, *operand, *state[2], *initial[2], *saved, *middle, *d, *carry[2], *d_middle, *d_peephole, *peephole, *sums;
    T *input_panel, *bias, *first_panel, *second_panel, *recurrent_bias, *d_first_panel, *d_second_panel, *d_input_panel, *scratch, *d_rows;

    Layer(int64_t I_, int64_t H_, Steps s) : I(I_), H(H_), Ip(padded(I_, LANES)), Hp(padded(H_, LANES)), steps(s) { units = Hp / LANES; }

    void take(Workspace& space) {
        int64_t N = steps.N, B = steps.B;
        wx = space.take<T>(N * C::GATES * Hp);
        operand = space.take<T>(N * Hp);
        middle = C::SECOND ? space.take<T>(N * Hp) : nullptr;
        d_middle = C::SECOND ? space.take<T>(B * Hp) : nullptr;
        saved = space.take<T>(N * C::SAVED * Hp + LANES);
        d = space.take<T>(N * C::BLOCKS * Hp);
        for (int s = 0; s < C::STATES; s++) {
            state[s] = space.take<T>(N * Hp);
            initial[s] = space.take<T>(B * Hp);
            carry[s] = space.take<T>(B * Hp);
        }
        input_panel = space.take<T>(I * C::GATES * Hp);
        d_input_panel = space.take<T>(C::GATES * H * Ip);
        first_panel = space.take<T>(H * C::FIRST * Hp);
        second_panel = space.take<T>(H * C::SECOND * Hp + LANES);
        d_first_panel = space.take<T>(C::FIRST * H * Hp);
        d_second_panel = space.take<T>(C::SECOND * H * Hp + LANES);
        bias = space.take<T>(C::GATES * Hp);
        recurrent_bias = space.take<T>(C::GATES * Hp);
        peephole = space.take<T>(3 * Hp);
        d_peephole = space.take<T>(3 * Hp);
        sums = space.take<T>(C::BLOCKS * Hp);
        scratch = space.take<T>(std::max(H * std::max(Ip, Hp), I * C::GATES * Hp));
        d_rows = space.take<T>(N * C::GATES * Hp);
    }

    int lanes(int64_t unit_vector) const { return (int)std::max<int64_t>(0, std::min<int64_t>(LANES, H - unit_vector * LANES)); }

    // Copy a vector over units (gate by gate) into padded blocks.
    void pad(const T* from, int blocks, const int* order, T* to) const {
        for (int g = 0; g < blocks; g++) {
            std::fill(to + g * Hp, to + (g + 1) * Hp, T(0));
            if (from) std::copy(from + order[g] * H, from + (order[g] + 1) * H, to + g * Hp);
        }
    }

    void pack_forward(const LayerWeights<T>& w, bool by_key) {
        auto of_W = [&](int64_t, int64_t v) {
            int64_t unit = v % units;
            return Column<T>{w.W + (C::INPUT[v / units] * H + unit * LANES) * I, 1, I, lanes(unit)};
        };
        if (by_key)  // one row for each key
            for (int64_t v = 0; v < C::GATES * units; v++) pack_column<T>(of_W(0, v), I, input_panel + v * LANES, C::GATES * Hp);
        else pack<T>(C::GATES * units, 1, I, input_panel, of_W);
        pad(w.b, C::GATES, C::INPUT, bias);
        pad(w.b_recurrent, C::GATES, C::RECURRENT, recurrent_bias);
        static constexpr int ROWS_OF_P[] = {0, 1, 2};
        if (C::PEEPHOLES) pad(w.P, 3, ROWS_OF_P, peephole);
        pack_recurrent<C::FIRST, UNITS>(w.U, 0, first_panel);
        if constexpr (C::SECOND > 0) pack_recurrent<C::SECOND, VECS>(w.U, C::FIRST, second_panel);
    }

    // [tile of units][k][unit vector][gate][lane]
    template <int G, int NU> void pack_recurrent(const T* U, int first_gate, T* out) const {
        in_parts(units, NU, [&](int64_t unit, int n) {
            for (int u = 0; u < n; u++)
                for (int g = 0; g < G; g++) {
                    const T* row = U + (C::RECURRENT[first_gate + g] * H + (unit + u) * LANES) * H;
                    pack_column<T>({row, 1, H, lanes(unit + u)}, H, out + (u * G + g) * LANES, n * G * LANES);
                }
            out += H * n * G * LANES;
        });
    }

    void pack_backward(const LayerWeights<T>& w, bool needs_input) {
        auto of_U = [&](int first) {
            return [&, first](int64_t s, int64_t v) {
                return Column<T>{w.U + C::RECURRENT[first + s] * H * H + v * LANES, H, 1, lanes(v)};
            };
        };
        pack<T>(units, C::FIRST, H, d_first_panel, of_U(0));
        if constexpr (C::SECOND > 0) pack<T>(units, C::SECOND, H, d_second_panel, of_U(C::FIRST));
        if (needs_input)
            pack<T>(Ip / LANES, C::GATES, H, d_input_panel, [&](int64_t s, int64_t v) {
                return Column<T>{w.W + C::INPUT[s] * H * I + v * LANES, I, 1, (int)std::min<int64_t>(LANES, I - v * LANES)};
            });
    }

    // The surroundings of a step of sequence j at unit vector u.
    At<T> at(int64_t t, int64_t j, int64_t u) const {
        At<T> a;
        int64_t row = steps.start[t] + j, at_unit = u * LANES;
        a.stride = Hp;
        a.wx_ = wx + (shared ? shared[row] : row) * C::GATES * Hp + at_unit;
        a.saved_ = saved + row * C::SAVED * Hp + at_unit;
        a.d_ = d + row * C::BLOCKS * Hp + at_unit;
        for (int s = 0; s < C::STATES; s++) {
            a.prev_[s] = (t ? state[s] + (steps.start[t - 1] + j) * Hp : initial[s] + j * Hp) + at_unit;
            a.next_[s] = state[s] + row * Hp + at_unit;
            a.carry_[s] = carry[s] + j * Hp + at_unit;
        }
        if constexpr (C::SECOND > 0) a.middle_ = middle + row * Hp + at_unit;
        if constexpr (C::PEEPHOLES) { a.peephole_ = peephole + at_unit; a.d_peephole_ = d_peephole + at_unit; }
        return a;
    }

    // Multiply by the recurrent weights of G gates and hand each result to `then(at, gates)`.
    template <int G, int NU, int MOST, class F> void recur(int64_t t, const T* x, const T* panel, int first_gate, F then) const {
        in_parts(units, NU, [&](int64_t unit, int n) {
            with_constant<NU>(n, [&](auto nu) {
                constexpr int N = decltype(nu)::value;
                in_parts(steps.width[t], MOST, [&](int64_t j, int count) {
                    with_constant<MOST>(count, [&](auto nr) {
                        constexpr int R = decltype(nr)::value;
                        Vec<T> acc[R][N * G];
                        for (int u = 0; u < N; u++)
                            for (int g = 0; g < G; g++) {
                                Vec<T> b = load(recurrent_bias + (first_gate + g) * Hp + (unit + u) * LANES);
                                for (int r = 0; r < R; r++) acc[r][u * G + g] = b;
                            }
                        accumulate<T, R, N * G>(x + j * Hp, Hp, 1, panel, N * G * LANES, H, acc);
                        for (int r = 0; r < R; r++)
                            for (int u = 0; u < N; u++) then(at(t, j + r, unit + u), &acc[r][u * G]);
                    });
                });
            });
            panel += H * n * G * LANES;
        });
    }

    // From inputs and initial states to `state[0]`, the outputs (N, Hp).
    void forward(const Input<T>& in, const LayerWeights<T>& w) {
        pack_forward(w, in.keys != nullptr);
        shared = in.shared;
        if (in.keys) project_keys(in);
        else product<T>(in.x, in.ld, 1, 0, I, input_panel, C::GATES * units, wx, C::GATES * Hp, in.rows, bias, false);
        for (int64_t t = 0; t < steps.T; t++) {
            const T* h = t ? state[0] + steps.start[t - 1] * Hp : initial[0];
            T* x_t = operand + steps.start[t] * Hp;
            std::copy(h, h + steps.width[t] * Hp, x_t);
            recur<C::FIRST, UNITS, TILE_ROWS>(t, x_t, first_panel, 0, [](const At<T>& a, const Vec<T>* u) { C::forward(a, u); });
            if constexpr (C::SECOND > 0)
                recur<C::SECOND, VECS, ROWS>(t, middle + steps.start[t] * Hp, second_panel, C::FIRST,
                                             [](const At<T>& a, const Vec<T>* u) { C::forward_second(a, u); });
        }
    }

    // wx[n] = bias + sum of value times the key's row of weights.
    void project_keys(const Input<T>& in) {
        int64_t vecs = C::GATES * units;
        for (int64_t n = 0; n < steps.N; n++)
            in_parts(vecs, 12, [&](int64_t v0, int count) {
                with_constant<12>(count, [&](auto nv) {
                    constexpr int NV = decltype(nv)::value;
                    Vec<T> acc[NV];
                    for (int v = 0; v < NV; v++) acc[v] = load(bias + (v0 + v) * LANES);
                    for (int64_t e = in.first[n]; e < in.first[n + 1]; e++) {
                        const T* row = input_panel + (in.keys[e] * vecs + v0) * LANES;
                        Vec<T> value = broadcast(in.values[e]);
                        for (int v = 0; v < NV; v++) acc[v] += value * load(row + v * LANES);
                    }
                    for (int v = 0; v < NV; v++) store(wx + (n * vecs + v0 + v) * LANES, acc[v]);
                });
            });
    }

    // From the gradient of the outputs (N, Hp) to those of the weights and, where asked, of the input's rows (rows, Ip).
    void backward(const Input<T>& in, const T* d_out, const LayerWeights<T>& w, const LayerWeights<T>& grads, T* dx) {
        pack_backward(w, dx != nullptr);
        for (int s = 0; s < C::STATES; s++) std::fill(carry[s], carry[s] + steps.B * Hp, T(0));
        if (C::PEEPHOLES) std::fill(d_peephole, d_peephole + 3 * Hp, T(0));
        for (int64_t t = steps.T - 1; t >= 0; t--) backward_step(t, d_out);
        const T* d_in = d + C::INPUT_AT * Hp;
        int64_t ldd = C::BLOCKS * Hp;
        if (in.shared) {
            add_shared_rows(in);
            d_in = d_rows, ldd = C::GATES * Hp;
        }
        if (in.keys) gather_keys(in, grads);
        else
            for (int i = 0; i < C::GATES; i++) {
                outer<T>(d_in + i * Hp, ldd, H, in.x, in.ld, Ip / LANES, in.rows, scratch, Ip);
                unpad(scratch, Ip, H, I, grads.W + C::INPUT[i] * H * I);
            }
        gather_gradients(grads);
        if (dx) product<T>(d_in, ldd, C::GATES, Hp, H, d_input_panel, Ip / LANES, dx, Ip, in.rows, nullptr, false);
    }

    void backward_step(int64_t t, const T* d_out) {
        int64_t n = steps.width[t];
        const T* d_t = d + (steps.start[t] * C::BLOCKS + C::RECURRENT_AT) * Hp;
        for (int64_t j = 0; j < n; j++)
            for (int64_t u = 0; u < units; u++) {
                At<T> a = at(t, j, u);
                a.d_out_ = d_out + (steps.start[t] + j) * Hp + u * LANES;
                C::backward(a);
            }
        if constexpr (C::SECOND > 0) {
            product<T>(d_t + C::FIRST * Hp, C::BLOCKS * Hp, C::SECOND, Hp, H, d_second_panel, units, d_middle, Hp, n, nullptr, false);
            for (int64_t j = 0; j < n; j++)
                for (int64_t u = 0; u < units; u++) C::backward_second(at(t, j, u), load(d_middle + j * Hp + u * LANES));
        }
        product<T>(d_t, C::BLOCKS * Hp, C::FIRST, Hp, H, d_first_panel, units, carry[0], Hp, n, nullptr, true);
    }

    // Sum the input-side gradients of the packed rows that read the same row.
    void add_shared_rows(const Input<T>& in) {
        int64_t vecs = C::GATES * units;
        std::fill(d_rows, d_rows + in.rows * C::GATES * Hp, T(0));
        for (int64_t n = 0; n < steps.N; n++) {
            const T* from = d + (n * C::BLOCKS + C::INPUT_AT) * Hp;
            T* to = d_rows + in.shared[n] * C::GATES * Hp;
            for (int64_t v = 0; v < vecs; v++) store(to + v * LANES, load((const T*)to + v * LANES) + load(from + v * LANES));
        }
    }

    // Gradient of W, where inputs are few keys: add each row's gradient to the rows of its keys, then transpose.
    void gather_keys(const Input<T>& in, const LayerWeights<T>& grads) {
        int64_t vecs = C::GATES * units;
        std::fill(scratch, scratch + I * C::GATES * Hp, T(0));
        for (int64_t n = 0; n < steps.N; n++) {
            const T* from = d + (n * C::BLOCKS + C::INPUT_AT) * Hp;
            for (int64_t e = in.first[n]; e < in.first[n + 1]; e++) {
                T* to = scratch + in.keys[e] * C::GATES * Hp;
                Vec<T> value = broadcast(in.values[e]);
                for (int64_t v = 0; v < vecs; v++) store(to + v * LANES, load((const T*)to + v * LANES) + value * load(from + v * LANES));
            }
        }
        for (int g = 0; g < C::GATES; g++)
            for (int64_t u = 0; u < H; u++) {
                T* to = grads.W + (C::INPUT[g] * H + u) * I;
                for (int64_t i = 0; i < I; i++) to[i] = scratch[(i * C::GATES + g) * Hp + u];
            }
    }

    void gather_gradients(const LayerWeights<T>& grads) {
        int64_t N = steps.N, ldd = C::BLOCKS * Hp;
        for (int i = 0; i < C::GATES; i++) {
            const T* multiplied = i < C::FIRST ? operand : middle;
            outer<T>(d + (C::RECURRENT_AT + i) * Hp, ldd, H, multiplied, Hp, units, N, scratch, Hp);
            unpad(scratch, Hp, H, H, grads.U + C::RECURRENT[i] * H * H);
        }
        column_sums<T>(d, ldd, C::BLOCKS * units, N, sums);
        for (int i = 0; i < C::GATES; i++) {
            unpad(sums + (C::INPUT_AT + i) * Hp, Hp, 1, H, grads.b + C::INPUT[i] * H);
            if (grads.b_recurrent) unpad(sums + (C::RECURRENT_AT + i) * Hp, Hp, 1, H, grads.b_recurrent + C::RECURRENT[i] * H);
        }
        if (C::PEEPHOLES) unpad(d_peephole, Hp, 3, H, grads.P);
    }

    static void unpad(const T* from, int64_t ld, int64_t rows, int64_t columns, T* to) {
        for (int64_t r = 0; r < rows; r++) std::copy(from + r * ld, from + r * ld + columns, to + r * columns);
    }
};
