// Matrix products of the sizes of small recurrent networks: weights packed in panels, tiles held in registers.
#pragma once
#include "simd.h"
#include <type_traits>
#include <utility>

constexpr int ROWS = 8;   // rows of a tile
constexpr int VECS = 3;   // vectors of a tile: 8 x 3 accumulators of the 32 registers
constexpr int DEPTH = 128;  // rows of a slice that stays in cache while gradients are summed over it

// acc[r][v] += sum over k of x[r rs + k ks] * p[k ps + v W]
template <class T, int R, int NV>
static inline void accumulate(const T* x, int64_t rs, int64_t ks, const T* p, int64_t ps, int64_t n, Vec<T> (&acc)[R][NV]) {
    constexpr int W = Lanes<T>::W;
    for (int64_t k = 0; k < n; k++) {
        Vec<T> w[NV];
#pragma GCC unroll 8
        for (int v = 0; v < NV; v++) w[v] = load(p + k * ps + v * W);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            Vec<T> b = broadcast(x[r * rs + k * ks]);
#pragma GCC unroll 8
            for (int v = 0; v < NV; v++) acc[r][v] += b * w[v];
        }
    }
}

// Call f with r as a constant, 1 <= r <= MAX.
template <int MAX, class F> static inline void with_constant(int r, F f) {
    if constexpr (MAX >= 1) {
        if (r == MAX) return f(std::integral_constant<int, MAX>{});
        with_constant<MAX - 1>(r, f);
    }
}

// Cut n into parts of at most `most`, as even as possible, and call f(start, length) for each.
template <class F> static inline void in_parts(int64_t n, int most, F f) {
    int64_t parts = (n + most - 1) / most;
    for (int64_t i = 0; i < parts; i++) f(n * i / parts, (int)(n * (i + 1) / parts - n * i / parts));
}

// One vector of columns of a weight matrix: lane l at depth k is p[k ks + l ls]; lanes from `lanes` on are padding.
template <class T> struct Column {
    const T* p;
    int64_t ks, ls;
    int lanes;
};

// Write a vector of columns, `stride` apart in depth, padding with zeros.
template <class T> static inline void pack_column(Column<T> column, int64_t depth, T* out, int64_t stride) {
    constexpr int W = Lanes<T>::W;
    for (int64_t k = 0; k < depth; k++, out += stride) {
        for (int l = 0; l < column.lanes; l++) out[l] = column.p[k * column.ks + l * column.ls];
        for (int l = column.lanes; l < W; l++) out[l] = 0;
    }
}

// Pack columns given by at(segment, vector) into panels of at most VECS vectors: [panel][segment][k][vector][lane].
template <class T, class F> static void pack(int64_t vecs, int64_t segments, int64_t depth, T* out, F at) {
    constexpr int W = Lanes<T>::W;
    in_parts(vecs, VECS, [&](int64_t first, int n) {
        for (int64_t s = 0; s < segments; s++, out += depth * n * W)
            for (int v = 0; v < n; v++) pack_column<T>(at(s, first + v), depth, out + v * W, n * W);
    });
}

constexpr int ONE_PLACE[] = {0};

// out[row][column] = start + sum over segments and k of x[row][place of the segment * stride + k] * packed(segment, k, column);
// start is what `out` holds (`add`), a bias for each column, or zero.
template <class T>
void product(const T* x, int64_t ldx, int64_t segments, const int* places, int64_t stride, int64_t depth, const T* packed, int64_t vecs,
                    T* out, int64_t ldo, int64_t rows, const T* bias, bool add) {
    constexpr int W = Lanes<T>::W;
    in_parts(vecs, VECS, [&](int64_t first, int n) {
        with_constant<VECS>(n, [&](auto nv) {
            constexpr int NV = decltype(nv)::value;
            in_parts(rows, ROWS, [&](int64_t row, int count) {
                with_constant<ROWS>(count, [&](auto nr) {
                    constexpr int R = decltype(nr)::value;
                    Vec<T> acc[R][NV];
                    T* o = out + row * ldo + first * W;
                    for (int r = 0; r < R; r++)
                        for (int v = 0; v < NV; v++)
                            acc[r][v] = add ? load(o + r * ldo + v * W) : bias ? load(bias + (first + v) * W) : Vec<T>{};
                    for (int64_t s = 0; s < segments; s++)
                        accumulate<T, R, NV>(x + row * ldx + places[s] * stride, ldx, 1, packed + s * depth * NV * W, NV * W, depth, acc);
                    for (int r = 0; r < R; r++)
                        for (int v = 0; v < NV; v++) store(o + r * ldo + v * W, acc[r][v]);
                });
            });
        });
        packed += segments * depth * n * W;
    });
}

// out[c][i] = sum over rows of d[row][c] * x[row][i], for c < n_c; x and out have `vecs` whole vectors in a row.
template <class T>
void outer(const T* d, int64_t ldd, int64_t n_c, const T* x, int64_t ldx, int64_t vecs, int64_t rows, T* out, int64_t ldo) {
    constexpr int W = Lanes<T>::W;
    for (int64_t c = 0; c < n_c; c++) std::fill(out + c * ldo, out + c * ldo + vecs * W, T(0));
    for (int64_t row = 0; row < rows; row += DEPTH) {
        int64_t depth = std::min<int64_t>(DEPTH, rows - row);
        in_parts(vecs, VECS, [&](int64_t first, int n) {
            with_constant<VECS>(n, [&](auto nv) {
                constexpr int NV = decltype(nv)::value;
                in_parts(n_c, ROWS, [&](int64_t c, int count) {
                    with_constant<ROWS>(count, [&](auto nr) {
                        constexpr int R = decltype(nr)::value;
                        Vec<T> acc[R][NV];
                        T* o = out + c * ldo + first * W;
                        for (int r = 0; r < R; r++)
                            for (int v = 0; v < NV; v++) acc[r][v] = load(o + r * ldo + v * W);
                        accumulate<T, R, NV>(d + row * ldd + c, 1, ldd, x + row * ldx + first * W, ldx, depth, acc);
                        for (int r = 0; r < R; r++)
                            for (int v = 0; v < NV; v++) store(o + r * ldo + v * W, acc[r][v]);
                    });
                });
            });
        });
    }
}

// out[c] = sum over rows of d[row][c], for whole vectors.
template <class T> void column_sums(const T* d, int64_t ldd, int64_t vecs, int64_t rows, T* out) {
    constexpr int W = Lanes<T>::W;
    for (int64_t v = 0; v < vecs; v++) {
        Vec<T> a{}, b{}, c{}, e{};  // four chains hide the latency of the addition
        int64_t row = 0;
        for (; row + 4 <= rows; row += 4) {
            const T* p = d + row * ldd + v * W;
            a += load(p);
            b += load(p + ldd);
            c += load(p + 2 * ldd);
            e += load(p + 3 * ldd);
        }
        for (; row < rows; row++) a += load(d + row * ldd + v * W);
        store(out + v * W, (a + b) + (c + e));
    }
}

// Compiled once for all cells, in common.cpp.
extern template void product<REAL>(const REAL*, int64_t, int64_t, const int*, int64_t, int64_t, const REAL*, int64_t, REAL*, int64_t, int64_t, const REAL*, bool);
extern template void outer<REAL>(const REAL*, int64_t, int64_t, const REAL*, int64_t, int64_t, int64_t, REAL*, int64_t);
extern template void column_sums<REAL>(const REAL*, int64_t, int64_t, int64_t, REAL*);
