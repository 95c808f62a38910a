// Random numbers by counter, those of draws.py: Philox4x32-10, and normal numbers by Box and Muller's transform.
#pragma once
#include "simd.h"

constexpr int64_t CHUNK = 64;  // numbers of 16 blocks of four words

// Eight words of 32 bits; what is above them is ignored.
typedef uint64_t Wide __attribute__((vector_size(64)));
typedef uint32_t Words __attribute__((vector_size(64)));

static inline Wide times(Wide a, uint64_t m) {
#if defined(__AVX512F__)
    return (Wide)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(m));
#else
    return (a & 0xffffffffu) * m;
#endif
}

static inline Wide high(Wide a) {
#if defined(__AVX512F__)
    return (Wide)_mm512_shuffle_epi32((__m512i)a, (_MM_PERM_ENUM)0xF5);  // on another port than the products
#else
    return a >> 32;
#endif
}

// A key, and what of it each round takes.
struct Key {
    uint64_t first[10], second[10];
    explicit Key(uint64_t key) {
        uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
        for (int round = 0; round < 10; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85) first[round] = k0, second[round] = k1;
    }
};

// The words of blocks 16 c to 16 c + 15; lane l of word w is number 16 w + l of the chunk.
static inline void draw_words(const Key& key, uint64_t update, uint32_t place, int64_t c, Words words[4]) {
    Wide x[4][2];  // of even and of odd blocks
    const Wide even = {0, 2, 4, 6, 8, 10, 12, 14};
    for (int odd = 0; odd < 2; odd++) {
        x[0][odd] = even + (uint64_t)(16 * c + odd);
        x[1][odd] = Wide{} + place, x[2][odd] = Wide{} + (uint32_t)update, x[3][odd] = Wide{} + (update >> 32);
    }
    for (int round = 0; round < 10; round++)
        for (int odd = 0; odd < 2; odd++) {
            Wide first = times(x[0][odd], 0xD2511F53), second = times(x[2][odd], 0xCD9E8D57);
            x[0][odd] = high(second) ^ x[1][odd] ^ key.first[round];
            x[2][odd] = high(first) ^ x[3][odd] ^ key.second[round];
            x[1][odd] = second, x[3][odd] = first;
        }
    for (int w = 0; w < 4; w++) words[w] = (Words)((x[w][0] & 0xffffffffu) | x[w][1] << 32);
}

// Sine and cosine of 2 pi t / 2^24 for t from 0 to 2^24 - 1, off by less than 1e-7.
static inline void turn(Lanes<float>::Int t, VecF& sine, VecF& cosine) {
    typedef Lanes<float>::Int Int;
    Int quarter = (t + (1 << 21)) >> 22;  // the nearest quarter of a turn; what is left is at most an eighth
    VecF x = __builtin_convertvector(t - (quarter << 22), VecF) * (6.28318530717958648f / (1 << 24)), q = x * x;
    VecF s = q * (-1.f / 5040) + 1.f / 120;
    s = s * q - 1.f / 6;
    s = s * q * x + x;
    VecF c = q * (1.f / 40320) - 1.f / 720;
    c = c * q + 1.f / 24;
    c = c * q - 0.5f;
    c = c * q + 1.f;
    Int is_odd = -(quarter & 1), flips_sine = (quarter & 2) << 30, flips_cosine = ((quarter + 1) & 2) << 30;
    sine = (VecF)((Int)(is_odd ? c : s) ^ flips_sine);
    cosine = (VecF)((Int)(is_odd ? s : c) ^ flips_cosine);
}

static inline void draw_normals(const Words words[4], float* z) {
    typedef Lanes<float>::Int Int;
    for (int p = 0; p < 4; p += 2) {
        VecF u = (__builtin_convertvector((Int)(words[p] >> 9), VecF) + 0.5f) * 0x1p-23f, sine, cosine;
        float radius[16];
        store(radius, -2 * log_(u));
        for (int l = 0; l < 16; l++) radius[l] = std::sqrt(radius[l]);
        turn((Int)(words[p + 1] >> 8), sine, cosine);
        store(z + 16 * p, load((const float*)radius) * cosine);
        store(z + 16 * p + 16, load((const float*)radius) * sine);
    }
}
static inline void draw_normals(const Words words[4], double* z) {
    for (int p = 0; p < 4; p += 2)
        for (int l = 0; l < 16; l++) {
            double radius = std::sqrt(-2 * std::log(((words[p][l] >> 9) + 0.5) * 0x1p-23));
            double angle = (words[p + 1][l] >> 8) * (0x1p-24 * 2 * M_PI);
            z[16 * p + l] = radius * std::cos(angle);
            z[16 * p + 16 + l] = radius * std::sin(angle);
        }
}

// Hand the numbers of every chunk to `then(first number, how many, words)`.
template <class F> static void in_chunks(uint64_t key, uint64_t update, uint32_t place, int64_t n, F then) {
    const Key rounds(key);
    Words words[4];
    for (int64_t i = 0; i < n; i += CHUNK) {
        draw_words(rounds, update, place, i / CHUNK, words);
        then(i, std::min(CHUNK, n - i), words);
    }
}

// Add normal noise of a standard deviation to n numbers.
template <class T> void add_noise(T* x, int64_t n, double deviation, uint64_t key, uint64_t update, uint32_t place) {
    in_chunks(key, update, place, n, [&](int64_t i, int64_t count, const Words* words) {
        T z[CHUNK];
        draw_normals(words, z);
        if (count == CHUNK)
            for (int j = 0; j < CHUNK; j++) x[i + j] += (T)deviation * z[j];
        else
            for (int64_t j = 0; j < count; j++) x[i + j] += (T)deviation * z[j];
    });
}

// Dropout's factors for n units: 0, or what keeps the mean.
template <class T> void draw_factors(T* x, int64_t n, double rate, uint64_t key, uint64_t update, uint32_t place) {
    const uint32_t threshold = (uint32_t)(rate * 0x1p32);
    const T kept = T(1 / (1 - rate));
    in_chunks(key, update, place, n, [&](int64_t i, int64_t count, const Words* words) {
        T drawn[CHUNK];
        for (int w = 0; w < 4; w++) {
            Words is_kept = (Words)(words[w] >= threshold) & 1;
            for (int l = 0; l < 16; l++) drawn[16 * w + l] = kept * (T)(int32_t)is_kept[l];
        }
        std::copy(drawn, drawn + count, x + i);
    });
}

// Compiled once for all cells, in common.cpp.
extern template void add_noise<REAL>(REAL*, int64_t, double, uint64_t, uint64_t, uint32_t);
extern template void draw_factors<REAL>(REAL*, int64_t, double, uint64_t, uint64_t, uint32_t);
