// One layer's weights, packed into panels in the order in which they are multiplied.
#pragma once
#include "step.h"
#include "matrix.h"

// One layer's weights in the order of their rows; the pointers that a cell does not have are null: a bias
// then counts as zeros, and gets no gradient.
template <class T> struct LayerWeights {
    T *W, *U, *b, *b_recurrent, *P;
};

template <class T, class C> struct Panels {
    static constexpr int LANES = Lanes<T>::W;
    static constexpr int OPERANDS = at_least_one(C::OPERANDS);
    static constexpr int MOST_IN_TILE = 6;  // products of one operand whose accumulators fit the registers
    int64_t I, H, Ip, Hp, units;
    T *input, *bias, *recurrent_bias, *own, *operand[OPERANDS], *d_operand[OPERANDS], *d_input;

    Panels(int64_t I_, int64_t H_) : I(I_), H(H_), Ip(padded(I_, LANES)), Hp(padded(H_, LANES)), units(Hp / LANES) {}

    void take(Workspace& space) {
        input = space.take<T>(I * C::INPUTS * Hp);
        d_input = space.take<T>(C::INPUTS * H * Ip);
        bias = space.take<T>(C::INPUTS * Hp);
        recurrent_bias = space.take<T>(C::PRODUCTS * Hp + LANES);
        own = space.take<T>(C::OWN * Hp + LANES);
        for (int q = 0; q < C::OPERANDS; q++) {
            operand[q] = space.take<T>(H * C::OPERAND_COUNT[q] * Hp);
            d_operand[q] = space.take<T>(C::OPERAND_COUNT[q] * H * Hp);
        }
    }

    int lanes(int64_t unit_vector) const { return (int)std::max<int64_t>(0, std::min<int64_t>(LANES, H - unit_vector * LANES)); }

    // Copy a vector over units (gate by gate) into padded blocks.
    void pad(const T* from, int blocks, const int* order, T* to) const {
        for (int g = 0; g < blocks; g++) {
            std::fill(to + g * Hp, to + (g + 1) * Hp, T(0));
            const T* row = from ? from + (order ? order[g] : g) * H : nullptr;
            if (row) std::copy(row, row + H, to + g * Hp);
        }
    }

    // The operand whose products are all that a stage waits for, where they fit a tile; -1 where there is none such.
    template <int S> static constexpr int tiled() {
        int found = -1;
        for (int q = 0; q < C::OPERANDS; q++)
            if (C::OPERAND_STAGE[q] == S) {
                if (found >= 0) return -1;
                found = q;
            }
        return found >= 0 && C::OPERAND_COUNT[found] <= MOST_IN_TILE ? found : -1;
    }
    static constexpr int tile_units(int products) { return products == 1 ? VECS : 1; }                      // unit vectors
    static constexpr int tile_rows(int products) { return products <= 3 ? ROWS : products == 4 ? 6 : 4; }  // accumulators fit

    void pack_forward(const LayerWeights<T>& w, bool by_key) {
        auto of_W = [&](int64_t, int64_t v) {
            int64_t unit = v % units;
            return Column<T>{w.W + (C::INPUT_ROW[v / units] * H + unit * LANES) * I, 1, I, lanes(unit)};
        };
        if (by_key)  // one row for each key
            for (int64_t v = 0; v < C::INPUTS * units; v++) pack_column<T>(of_W(0, v), I, input + v * LANES, C::INPUTS * Hp);
        else pack<T>(C::INPUTS * units, 1, I, input, of_W);
        pad(w.b, C::INPUTS, C::INPUT_ROW, bias);
        pad(w.b_recurrent, C::PRODUCTS, C::PRODUCT_ROW, recurrent_bias);
        pad(w.P, C::OWN, nullptr, own);
        pack_stages<0>(w.U);
    }

    template <int S> void pack_stages(const T* U) {
        if constexpr (S < C::STAGES) {
            constexpr int Q = tiled<S>();
            if constexpr (Q >= 0) pack_tiles<C::OPERAND_COUNT[Q], tile_units(C::OPERAND_COUNT[Q])>(U, C::OPERAND_FIRST[Q], operand[Q]);
            else
                for (int q = 0; q < C::OPERANDS; q++)
                    if (C::OPERAND_STAGE[q] == S)
                        pack<T>(C::OPERAND_COUNT[q] * units, 1, H, operand[q], [&](int64_t, int64_t v) {
                            int64_t unit = v % units, row = C::PRODUCT_ROW[C::OPERAND_FIRST[q] + v / units];
                            return Column<T>{U + (row * H + unit * LANES) * H, 1, H, lanes(unit)};
                        });
            pack_stages<S + 1>(U);
        }
    }

    // [tile of units][k][unit vector][gate][lane]
    template <int G, int NU> void pack_tiles(const T* U, int first_gate, T* out) const {
        in_parts(units, NU, [&](int64_t unit, int n) {
            for (int u = 0; u < n; u++)
                for (int g = 0; g < G; g++) {
                    const T* row = U + (C::PRODUCT_ROW[first_gate + g] * H + (unit + u) * LANES) * H;
                    pack_column<T>({row, 1, H, lanes(unit + u)}, H, out + (u * G + g) * LANES, n * G * LANES);
                }
            out += H * n * G * LANES;
        });
    }

    void pack_backward(const LayerWeights<T>& w, bool needs_input) {
        for (int q = 0; q < C::OPERANDS; q++)
            pack<T>(units, C::OPERAND_COUNT[q], H, d_operand[q], [&](int64_t s, int64_t v) {
                return Column<T>{w.U + C::PRODUCT_ROW[C::OPERAND_FIRST[q] + s] * H * H + v * LANES, H, 1, lanes(v)};
            });
        if (needs_input)
            pack<T>(Ip / LANES, C::INPUTS, H, d_input, [&](int64_t s, int64_t v) {
                return Column<T>{w.W + C::INPUT_ROW[s] * H * I + v * LANES, I, 1, (int)std::min<int64_t>(LANES, I - v * LANES)};
            });
    }
};
