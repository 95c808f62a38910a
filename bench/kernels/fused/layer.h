// One recurrent layer of one member over a packed batch: the time loop, written once for every cell.
#pragma once
#include "packing.h"
#include "panels.h"

template <class T, class C> struct Layer {
    static constexpr int LANES = Lanes<T>::W;
    static constexpr int OPERANDS = at_least_one(C::OPERANDS);
    int64_t I, H, Ip, Hp, units;
    Steps steps;
    const int64_t* shared = nullptr;
    T *wx, *operand[OPERANDS], *d_operand[OPERANDS], *state[C::STATES], *initial[C::STATES], *saved, *d, *carry[C::STATES];
    T *products, *d_own, *sums, *scratch, *d_rows;
    Panels<T, C> panels;

    Layer(int64_t I_, int64_t H_, Steps s)
        : I(I_), H(H_), Ip(padded(I_, LANES)), Hp(padded(H_, LANES)), units(Hp / LANES), steps(s), panels(I_, H_) {}

    void take(Workspace& space) {
        int64_t N = steps.N, B = steps.B;
        panels.take(space);
        wx = space.take<T>(N * C::INPUTS * Hp);
        for (int q = 0; q < C::OPERANDS; q++) {
            operand[q] = space.take<T>(N * Hp);
            d_operand[q] = C::OPERAND_STATE[q] < 0 ? space.take<T>(B * Hp) : nullptr;
        }
        products = space.take<T>(B * C::PRODUCTS * Hp + LANES);
        saved = space.take<T>(N * C::SAVED * Hp + LANES);
        d = space.take<T>(N * C::BLOCKS * Hp);
        for (int s = 0; s < C::STATES; s++) {
            state[s] = space.take<T>(N * Hp);
            initial[s] = space.take<T>(B * Hp);
            carry[s] = space.take<T>(B * Hp);
        }
        d_own = space.take<T>(C::OWN * Hp + LANES);
        sums = space.take<T>(C::BLOCKS * Hp);
        scratch = space.take<T>(std::max(H * std::max(Ip, Hp), I * C::INPUTS * Hp));
        d_rows = space.take<T>(N * C::INPUTS * Hp);
    }

    // The surroundings of a step of sequence j at unit vector u.
    At<T, C> at(int64_t t, int64_t j, int64_t u) const {
        At<T, C> a;
        int64_t row = steps.start[t] + j, at_unit = u * LANES;
        a.stride = Hp;
        a.wx_ = wx + (shared ? shared[row] : row) * C::INPUTS * Hp + at_unit;
        a.saved_ = saved + row * C::SAVED * Hp + at_unit;
        a.d_ = d + row * C::BLOCKS * Hp + at_unit;
        for (int s = 0; s < C::STATES; s++) {
            a.prev_[s] = (t ? state[s] + (steps.start[t - 1] + j) * Hp : initial[s] + j * Hp) + at_unit;
            a.next_[s] = state[s] + row * Hp + at_unit;
            a.carry_[s] = carry[s] + j * Hp + at_unit;
        }
        for (int q = 0; q < C::OPERANDS; q++) {
            a.operand_[q] = operand[q] + row * Hp + at_unit;
            if (C::OPERAND_STATE[q] < 0) a.d_operand_[q] = d_operand[q] + j * Hp + at_unit;
        }
        if constexpr (C::OWN > 0) { a.own_ = panels.own + at_unit; a.d_own_ = d_own + at_unit; }
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
                                Vec<T> b = load(panels.recurrent_bias + (first_gate + g) * Hp + (unit + u) * LANES);
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
        panels.pack_forward(w, in.keys != nullptr);
        shared = in.shared;
        if (in.keys) project_keys(in);
        else product<T>(in.x, in.ld, 1, ONE_PLACE, 0, I, panels.input, C::INPUTS * units, wx, C::INPUTS * Hp, in.rows, panels.bias, false);
        for (int64_t t = 0; t < steps.T; t++) {
            for (int q = 0; q < C::OPERANDS; q++)
                if (int s = C::OPERAND_STATE[q]; s >= 0) {
                    const T* before = t ? state[s] + steps.start[t - 1] * Hp : initial[s];
                    std::copy(before, before + steps.width[t] * Hp, operand[q] + steps.start[t] * Hp);
                }
            forward_stages<0>(t);
        }
    }

    template <int S> void forward_stages(int64_t t) const {
        if constexpr (S < C::STAGES) {
            constexpr int Q = Panels<T, C>::template tiled<S>();
            if constexpr (Q >= 0) {
                constexpr int G = C::OPERAND_COUNT[Q];
                recur<G, Panels<T, C>::tile_units(G), Panels<T, C>::tile_rows(G)>(t, operand[Q] + steps.start[t] * Hp, panels.operand[Q], C::OPERAND_FIRST[Q],
                                                      [](const At<T, C>& a, const Vec<T>* u) { C::template forward<S>(a, u); });
            } else {
                forward_by_rows<S>(t);
            }
            forward_stages<S + 1>(t);
        }
    }

    // A stage that waits for no product, or for more than a tile holds: the products first, then what is made of them.
    template <int S> void forward_by_rows(int64_t t) const {
        constexpr int MOST = at_least_one(C::PRODUCTS);
        int64_t n = steps.width[t], first = -1, count = 0;
        for (int q = 0; q < C::OPERANDS; q++)
            if (C::OPERAND_STAGE[q] == S) {
                int64_t from = C::OPERAND_FIRST[q];
                if (first < 0) first = from;
                count += C::OPERAND_COUNT[q];
                product<T>(operand[q] + steps.start[t] * Hp, Hp, 1, ONE_PLACE, 0, H, panels.operand[q], C::OPERAND_COUNT[q] * units,
                           products + from * Hp, C::PRODUCTS * Hp, n, panels.recurrent_bias + from * Hp, false);
            }
        for (int64_t j = 0; j < n; j++)
            for (int64_t unit = 0; unit < units; unit++) {
                Vec<T> u[MOST];
                for (int64_t g = 0; g < count; g++)
                    u[g] = load((const T*)products + (j * C::PRODUCTS + first + g) * Hp + unit * LANES);
                C::template forward<S>(at(t, j, unit), u);
            }
    }

    // wx[n] = bias + sum of value times the key's row of weights.
    void project_keys(const Input<T>& in) {
        int64_t vecs = C::INPUTS * units;
        for (int64_t n = 0; n < steps.N; n++)
            in_parts(vecs, 12, [&](int64_t v0, int count) {
                with_constant<12>(count, [&](auto nv) {
                    constexpr int NV = decltype(nv)::value;
                    Vec<T> acc[NV];
                    for (int v = 0; v < NV; v++) acc[v] = load(panels.bias + (v0 + v) * LANES);
                    for (int64_t e = in.first[n]; e < in.first[n + 1]; e++) {
                        const T* row = panels.input + (in.keys[e] * vecs + v0) * LANES;
                        Vec<T> value = broadcast(in.values[e]);
                        for (int v = 0; v < NV; v++) acc[v] += value * load(row + v * LANES);
                    }
                    for (int v = 0; v < NV; v++) store(wx + (n * vecs + v0 + v) * LANES, acc[v]);
                });
            });
    }

    // From the gradient of the outputs (N, Hp) to those of the weights and, where asked, of the input's rows (rows, Ip).
    void backward(const Input<T>& in, const T* d_out, const LayerWeights<T>& w, const LayerWeights<T>& grads, T* dx) {
        panels.pack_backward(w, dx != nullptr);
        for (int s = 0; s < C::STATES; s++) std::fill(carry[s], carry[s] + steps.B * Hp, T(0));
        std::fill(d_own, d_own + C::OWN * Hp, T(0));
        for (int64_t t = steps.T - 1; t >= 0; t--) backward_stages<C::STAGES - 1>(t, d_out);
        const T* d_in = d;
        const int* places = C::INPUT_BLOCK;
        int64_t ldd = C::BLOCKS * Hp;
        int in_order[C::INPUTS];
        if (in.shared) {
            add_shared_rows(in);
            for (int i = 0; i < C::INPUTS; i++) in_order[i] = i;
            d_in = d_rows, ldd = C::INPUTS * Hp, places = in_order;
        }
        if (in.keys) gather_keys(in, grads);
        else
            for (int i = 0; i < C::INPUTS; i++) {
                outer<T>(d_in + places[i] * Hp, ldd, H, in.x, in.ld, Ip / LANES, in.rows, scratch, Ip);
                unpad(scratch, Ip, H, I, grads.W + C::INPUT_ROW[i] * H * I);
            }
        gather_gradients(grads);
        if (dx) product<T>(d_in, ldd, C::INPUTS, places, Hp, H, panels.d_input, Ip / LANES, dx, Ip, in.rows, nullptr, false);
    }

    template <int S> void backward_stages(int64_t t, const T* d_out) {
        if constexpr (S >= 0) {
            int64_t n = steps.width[t], start = steps.start[t];
            for (int64_t j = 0; j < n; j++)
                for (int64_t u = 0; u < units; u++) {
                    At<T, C> a = at(t, j, u);
                    a.d_out_ = d_out + (start + j) * Hp + u * LANES;
                    C::template backward<S>(a);
                }
            for (int q = 0; q < C::OPERANDS; q++)
                if (C::OPERAND_STAGE[q] == S) {
                    int s = C::OPERAND_STATE[q];
                    product<T>(d + start * C::BLOCKS * Hp, C::BLOCKS * Hp, C::OPERAND_COUNT[q], C::PRODUCT_BLOCK + C::OPERAND_FIRST[q],
                               Hp, H, panels.d_operand[q], units, s < 0 ? d_operand[q] : carry[s < 0 ? 0 : s], Hp, n, nullptr, s >= 0);
                }
            backward_stages<S - 1>(t, d_out);
        }
    }

    // Sum the input-side gradients of the packed rows that read the same row.
    void add_shared_rows(const Input<T>& in) {
        std::fill(d_rows, d_rows + in.rows * C::INPUTS * Hp, T(0));
        for (int64_t n = 0; n < steps.N; n++)
            for (int i = 0; i < C::INPUTS; i++) {
                const T* from = d + (n * C::BLOCKS + C::INPUT_BLOCK[i]) * Hp;
                T* to = d_rows + (in.shared[n] * C::INPUTS + i) * Hp;
                for (int64_t u = 0; u < Hp; u += LANES) store(to + u, load((const T*)to + u) + load(from + u));
            }
    }

    // Gradient of W, where inputs are few keys: add each row's gradient to the rows of its keys, then transpose.
    void gather_keys(const Input<T>& in, const LayerWeights<T>& grads) {
        std::fill(scratch, scratch + I * C::INPUTS * Hp, T(0));
        for (int64_t n = 0; n < steps.N; n++)
            for (int64_t e = in.first[n]; e < in.first[n + 1]; e++) {
                Vec<T> value = broadcast(in.values[e]);
                for (int i = 0; i < C::INPUTS; i++) {
                    const T* from = d + (n * C::BLOCKS + C::INPUT_BLOCK[i]) * Hp;
                    T* to = scratch + (in.keys[e] * C::INPUTS + i) * Hp;
                    for (int64_t u = 0; u < Hp; u += LANES) store(to + u, load((const T*)to + u) + value * load(from + u));
                }
            }
        for (int g = 0; g < C::INPUTS; g++)
            for (int64_t u = 0; u < H; u++) {
                T* to = grads.W + (C::INPUT_ROW[g] * H + u) * I;
                for (int64_t i = 0; i < I; i++) to[i] = scratch[(i * C::INPUTS + g) * Hp + u];
            }
    }

    void gather_gradients(const LayerWeights<T>& grads) {
        int64_t N = steps.N, ldd = C::BLOCKS * Hp;
        for (int q = 0; q < C::OPERANDS; q++)
            for (int i = C::OPERAND_FIRST[q]; i < C::OPERAND_FIRST[q] + C::OPERAND_COUNT[q]; i++) {
                outer<T>(d + C::PRODUCT_BLOCK[i] * Hp, ldd, H, operand[q], Hp, units, N, scratch, Hp);
                unpad(scratch, Hp, H, H, grads.U + C::PRODUCT_ROW[i] * H * H);
            }
        column_sums<T>(d, ldd, C::BLOCKS * units, N, sums);
        for (int i = 0; i < C::INPUTS && grads.b; i++)
            unpad(sums + C::INPUT_BLOCK[i] * Hp, Hp, 1, H, grads.b + C::INPUT_ROW[i] * H);
        for (int i = 0; i < C::PRODUCTS && grads.b_recurrent; i++)
            unpad(sums + C::PRODUCT_BLOCK[i] * Hp, Hp, 1, H, grads.b_recurrent + C::PRODUCT_ROW[i] * H);
        if (C::OWN) unpad(d_own, Hp, C::OWN, H, grads.P);
    }

    static void unpad(const T* from, int64_t ld, int64_t rows, int64_t columns, T* to) {
        for (int64_t r = 0; r < rows; r++) std::copy(from + r * ld, from + r * ld + columns, to + r * columns);
    }
};
