// Vectors of 64 bytes and the functions that gates are made of.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

template <class T> struct Lanes;
template <> struct Lanes<float> {
    typedef float Vec __attribute__((vector_size(64)));
    typedef int32_t Int __attribute__((vector_size(64)));
    static constexpr int W = 16;
};
template <> struct Lanes<double> {
    typedef double Vec __attribute__((vector_size(64)));
    typedef int64_t Int __attribute__((vector_size(64)));
    static constexpr int W = 8;
};
template <class T> using Vec = typename Lanes<T>::Vec;
using VecF = Vec<float>;
using VecD = Vec<double>;

template <class T> static inline Vec<T> load(const T* p) { Vec<T> v; __builtin_memcpy(&v, p, 64); return v; }
template <class T> static inline void store(T* p, Vec<T> v) { __builtin_memcpy(p, &v, 64); }
// x - {} broadcasts without an addition; {} + x costs one.
template <class T> static inline Vec<T> broadcast(T x) { return x - Vec<T>{}; }
template <class T> static inline T sum(Vec<T> v) { T s = 0; for (int i = 0; i < Lanes<T>::W; i++) s += v[i]; return s; }

static inline VecF reciprocal(VecF x) {
#if defined(__AVX512F__)
    __m512 r = _mm512_rcp14_ps((__m512)x);
    return (VecF)_mm512_mul_ps(r, _mm512_fnmadd_ps((__m512)x, r, _mm512_set1_ps(2.f)));
#else
    return 1 / x;
#endif
}

// e^x = scale (1 + rest) with scale a power of two and rest = e^r - 1, |r| <= log(2) / 2, accurate also where it is small.
// NaN passes through: no comparison with it is true.
static inline void split_exp(VecF x, VecF& scale, VecF& rest) {
    const VecF high = broadcast(88.f), low = broadcast(-87.f);
    x = x > high ? high : x;
    x = x < low ? low : x;
    const float magic = 12582912.f;  // 1.5 * 2^23: adding it rounds to an integer
    VecF n = x * 1.44269504088896341f + magic;
    n = n - magic;
    VecF r = x - n * 0.693359375f;  // log(2) in two parts, the first exact in products
    r = r + n * 2.12194440e-4f;
    VecF p = r * (1.f / 5040) + 1.f / 720;
    p = p * r + 1.f / 120;
    p = p * r + 1.f / 24;
    p = p * r + 1.f / 6;
    p = p * r + 0.5f;
    rest = p * (r * r) + r;
    Lanes<float>::Int e = __builtin_convertvector(n, Lanes<float>::Int);
    e = (e + 127) << 23;
    __builtin_memcpy(&scale, &e, 64);
}
static inline VecF exp_(VecF x) { VecF s, q; split_exp(x, s, q); return s * q + s; }
static inline VecF sigmoid(VecF x) { return reciprocal(1 + exp_(-x)); }
static inline VecF tanh_(VecF x) {  // (e^2x - 1) / (e^2x + 1), with e^2x - 1 accurate near 0
    VecF y = x + x;
    const VecF high = broadcast(40.f);
    y = y > high ? high : y;
    y = y < -high ? -high : y;
    VecF s, q;
    split_exp(y, s, q);
    VecF m = s * q + (s - 1);
    return m * reciprocal(m + 2);
}
static inline VecF log_(VecF x) {  // that of a power of two and of a number between sqrt(1/2) and sqrt(2)
    typedef Lanes<float>::Int Int;
    const VecF zero{}, one = broadcast(1.f);
    Int bits;
    __builtin_memcpy(&bits, &x, 64);
    Int exponent = ((bits >> 23) & 255) - 126;
    bits = (bits & 0x007fffff) | 0x3f000000;
    VecF m;
    __builtin_memcpy(&m, &bits, 64);
    Int low = m < broadcast(0.70710678f);
    exponent += low;
    m = m + (low ? m : zero) - one;
    VecF e = __builtin_convertvector(exponent, VecF), z = m * m;
    VecF p = m * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    VecF y = p * m * z - e * 2.12194440e-4f - z * 0.5f;
    y = m + y + e * 0.693359375f;
    const VecF infinite = broadcast(INFINITY);
    y = x == infinite ? x : y;
    return x > zero ? y : x == zero ? -infinite : x - x + broadcast(NAN);
}
// The sigmoid, and 1 + e^-|x|, whose logarithm is the rest of a Bernoulli loss.
static inline VecF sigmoid_and(VecF x, VecF& one_plus) {
    const VecF zero{};
    VecF e = exp_(x > zero ? -x : x), r;
    one_plus = 1 + e;
    r = reciprocal(one_plus);
    return x > zero ? r : e * r;
}

// Double precision is for tests: the library's functions, lane by lane.
template <class F> static inline VecD each(VecD x, F f) { for (int i = 0; i < 8; i++) x[i] = f(x[i]); return x; }
static inline VecD exp_(VecD x) { return each(x, [](double a) { return std::exp(a); }); }
static inline VecD sigmoid(VecD x) { return each(x, [](double a) { return 1 / (1 + std::exp(-a)); }); }
static inline VecD tanh_(VecD x) { return each(x, [](double a) { return std::tanh(a); }); }
static inline VecD log_(VecD x) { return each(x, [](double a) { return std::log(a); }); }
static inline VecD sigmoid_and(VecD x, VecD& one_plus) {
    one_plus = each(x, [](double a) { return 1 + std::exp(-std::fabs(a)); });
    return sigmoid(x);
}

// What is not a number stays so in each of these.
template <class V> static inline V relu_(V x) { return x < V{} ? V{} : x; }
template <class V> static inline V abs_(V x) { return x < V{} ? -x : x; }
template <class V> static inline V max_(V a, V b) { return a > b ? a : a == a ? b : a; }
template <class V> static inline V min_(V a, V b) { return a < b ? a : a == a ? b : a; }
template <class V> static inline V above_(V a, V b) { return a > b ? V{} + 1 : V{}; }
template <class V> static inline V softplus_(V x) {  // log(1 + e^x); log(1 + t) is t log(u) / (u - 1) where u = 1 + t is rounded
    V t = exp_(-abs_(x)), u = 1 + t, rest = u - 1;
    return relu_(x) + (rest > V{} ? t * (log_(u) / rest) : t);
}

// Bit l is set where p[l] is not zero.
static inline uint32_t nonzero(const float* p) {
#if defined(__AVX512F__)
    uint32_t bits = _mm512_cmp_ps_mask(_mm512_loadu_ps(p), _mm512_setzero_ps(), _CMP_NEQ_UQ);
    asm("" : "+r"(bits));  // in a register: GCC 12 may spill the mask's 16 bits and read back 32, half of them garbage
    return bits;
#else
    uint32_t bits = 0;
    for (int l = 0; l < 16; l++) bits |= (uint32_t)(p[l] != 0) << l;
    return bits;
#endif
}
static inline uint32_t nonzero(const double* p) {
    uint32_t bits = 0;
    for (int l = 0; l < 8; l++) bits |= (uint32_t)(p[l] != 0) << l;
    return bits;
}

static inline int64_t padded(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Memory for one member's step, reused from call to call by each thread.
struct Workspace {
    char* base = nullptr;
    size_t capacity = 0, used = 0;
    bool reserve(size_t bytes) {
        used = 0;
        if (bytes <= capacity) return true;
        free(base);
        capacity = padded(bytes, 4096);
        base = (char*)aligned_alloc(4096, capacity);
        if (!base) capacity = 0;
        return base != nullptr;
    }
    template <class T> T* take(size_t n) {
        T* p = (T*)(base + used);
        used += padded(n * sizeof(T), 64);
        return p;
    }
    ~Workspace() { free(base); }
};
