// What the first layer reads and the loss compares with, packed: frames, their keys, or the embeddings of tokens.
#pragma once
#include "packing.h"

// `x` and `targets` are packed rows in the workspace; what has no place there is in vectors.
template <class T> struct Inputs {
    static constexpr int LANES = Lanes<T>::W;
    const Model& m;
    const Batch& batch;
    const Packing& packing;
    int64_t N, Ip, Op;
    T *x, *targets;
    std::vector<int64_t> tokens, token_targets, shared, first;  // `tokens` are those of the distinct rows
    std::vector<int32_t> keys;
    std::vector<T> values;

    Inputs(const Model& model, const Batch& b, const Packing& p) : m(model), batch(b), packing(p), N(p.steps.N) {
        Ip = padded(m.n_inputs, LANES), Op = padded(m.n_outputs, LANES);
    }

    void take(Workspace& w) {
        x = w.take<T>(N * Ip);
        targets = m.head == 0 ? w.take<T>(N * Op) : nullptr;
    }

    Input<T> of_first_layer() const {
        return {x, Ip, shared.empty() ? N : (int64_t)tokens.size(), shared.empty() ? nullptr : shared.data(), first.data(),
                keys.empty() ? nullptr : keys.data(), values.data()};
    }

    void read(const T* row) {
        if (batch.sequences) {
            if (batch.drop_input || !find_byte_keys()) gather_bytes(-1, x, Ip);
        } else if (m.E < 0) {
            if (batch.drop_input || !find_keys()) gather<T>((const T*)batch.frames, m.n_inputs, packing.rows, x, Ip);
        } else {
            find_tokens();
            for (size_t n = 0; n < tokens.size(); n++) {
                const T* e = row + m.E + tokens[n] * m.n_inputs;
                std::copy(e, e + m.n_inputs, x + n * Ip);
                std::fill(x + n * Ip + m.n_inputs, x + (n + 1) * Ip, T(0));
            }
        }
        if (batch.drop_input) scale_rows<T>((const T*)batch.drop_input, m.n_inputs, packing.rows, x, Ip);
    }

    // List the numbers that are not zero; false where they are too many for that to pay.
    bool find_keys() {
        const T* frames = (const T*)batch.frames;
        int64_t most = N * m.n_inputs / 8;
        first.assign(1, 0);
        for (int64_t n = 0; n < N; n++) {
            const T* f = frames + packing.rows[n] * m.n_inputs;
            int64_t i = 0;
            for (; i + LANES <= m.n_inputs; i += LANES)
                for (uint32_t bits = nonzero(f + i); bits; bits &= bits - 1) add_key(f, i + __builtin_ctz(bits));
            for (; i < m.n_inputs; i++)
                if (f[i] != 0) add_key(f, i);
            first.push_back((int64_t)keys.size());
            if ((int64_t)keys.size() > most) { keys.clear(); return false; }
        }
        return !keys.empty();
    }

    // The frame `shift` steps from the target of packed row n, or null before the first.
    const uint8_t* bytes(int64_t n, int64_t shift) const {
        int64_t b = packing.rows[n] / batch.T, t = packing.rows[n] % batch.T + batch.n_given + shift;
        return t < 0 ? nullptr : batch.sequences[b] + t * m.n_outputs;
    }

    void gather_bytes(int64_t shift, T* to, int64_t ld) const {
        for (int64_t n = 0; n < N; n++) {
            const uint8_t* f = bytes(n, shift);
            for (int64_t i = 0; i < m.n_outputs; i++) to[n * ld + i] = f ? (T)f[i] : T(0);
            std::fill(to + n * ld + m.n_outputs, to + (n + 1) * ld, T(0));
        }
    }

    bool find_byte_keys() {
        int64_t most = N * m.n_inputs / 8;
        first.assign(1, 0);
        for (int64_t n = 0; n < N; n++) {
            const uint8_t* f = bytes(n, -1);
            for (int64_t i = 0; f && i < m.n_inputs; i += 8) {
                uint64_t word = 0;
                std::memcpy(&word, f + i, std::min<int64_t>(8, m.n_inputs - i));
                for (; word; word &= word - 1) {  // frames are zeros and ones: a key is one bit
                    keys.push_back((int32_t)(i + __builtin_ctzll(word) / 8));
                    values.push_back(1);
                }
            }
            first.push_back((int64_t)keys.size());
            if ((int64_t)keys.size() > most) { keys.clear(); return false; }
        }
        return !keys.empty();
    }

    void add_key(const T* frame, int64_t i) {
        keys.push_back((int32_t)i);
        values.push_back(frame[i]);
    }

    // The tokens of the batch; each distinct one once, unless dropout makes every row its own.
    void find_tokens() {
        std::vector<int32_t> number(batch.drop_input ? 0 : m.n_outputs, -1);
        for (int64_t n = 0; n < N; n++) {
            int64_t token = batch.tokens[packing.rows[n]];
            if (batch.drop_input) { tokens.push_back(token); continue; }
            if (number[token] < 0) { number[token] = (int32_t)tokens.size(); tokens.push_back(token); }
            shared.push_back(number[token]);
        }
    }

    void read_targets() {
        if (batch.sequences) {
            gather_bytes(0, targets, Op);
        } else if (m.head == 0) {
            gather<T>((const T*)batch.frame_targets, m.n_outputs, packing.rows, targets, Op);
        } else {
            token_targets.resize(N);
            for (int64_t n = 0; n < N; n++) token_targets[n] = batch.token_targets[packing.rows[n]];
        }
    }
};

extern template struct Inputs<REAL>;  // compiled once for all cells, in common.cpp
