// A member's updates one after another: batches, noise, forward, loss, backward, clipping, optimiser.
#pragma once
#include "philox.h"
#include "training_step.h"
#include <ctime>
#include <new>

extern "C" double update_weights(const Rule*, int64_t count, REAL* w, REAL* g, REAL* m, REAL* v, int64_t n);

static double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

// What tells the places of two sequences of a batch apart; those of one are the places of its dropouts.
constexpr uint32_t SEQUENCE = 1 << 8;

template <class T, class C> struct Updates {
    Segment& s;
    const Model& m;
    const Noise& noise;
    std::vector<T> noisy, frames, targets, dropped[MOST_LAYERS + 1];
    std::vector<int64_t> lengths, tokens, next_tokens;
    std::vector<const uint8_t*> sequences;

    explicit Updates(Segment& segment) : s(segment), m(*s.model), noise(s.noise) {}

    // Returns how many updates were taken, the last of which may have a loss or a norm that is not finite; -1 if there is
    // no memory, -2 for too many layers.
    int64_t take() {
        if (m.num_layers > MOST_LAYERS) return -2;
        const double started = now();
        for (int64_t u = 0; u < s.n; u++) {
            Batch batch = s.tokens ? window(s.position + u) : chosen(s.chosen + s.first[u], s.first[u + 1] - s.first[u]);
            const uint64_t update = s.first_update + u;
            T* row = with_noise(batch, update);
            T* grads = (T*)s.grads;
            std::fill(grads, grads + m.row_size, T(0));
            int64_t units = 0;
            for (int64_t b = 0; b < batch.B; b++) units += batch.lengths[b];
            Tally tally{};
            if (int code = step<T, C>(&m, &batch, row, grads, s.is_sum ? 1 : 1 / (double)units, &tally)) return -code;
            s.nats[u] = (T)tally.nats;
            s.norms[u] = NAN;
            if (!std::isfinite(s.nats[u])) return u + 1;
            s.rule.lr = s.lr[u];
            s.norms[u] = update_weights(&s.rule, s.n_steps + u + 1, (T*)s.row, grads, (T*)s.first_moment, (T*)s.second_moment, m.row_size);
            s.arithmetic_seconds = now() - started - s.noise_seconds;
            if (!std::isfinite(s.norms[u]) || now() - started >= s.seconds) return u + 1;
        }
        return s.n;
    }

    // A batch of sequences, without a copy where no noise is on their frames.
    Batch chosen(const int64_t* which, int64_t B) {
        lengths.resize(B), sequences.resize(B);
        for (int64_t b = 0; b < B; b++) lengths[b] = s.lengths[which[b]], sequences[b] = s.sequences[which[b]];
        Batch batch{B, *std::max_element(lengths.begin(), lengths.end()), lengths.data(), sequences.data(), s.n_given};
        return batch;
    }

    // Window `number` of every piece of a text; at the beginning of a piece the state is zero.
    Batch window(int64_t number) {
        const int64_t start = number * s.window, T_ = std::min(s.window, s.piece - start);
        if (start == 0) std::fill((T*)s.state, (T*)s.state + m.num_layers * C::STATES * s.B * m.hidden_size, T(0));
        lengths.assign(s.B, T_), tokens.resize(s.B * T_), next_tokens.resize(s.B * T_);
        for (int64_t b = 0; b < s.B; b++)
            for (int64_t t = 0; t < T_; t++) {
                int64_t i = b * s.piece + start + t;
                tokens[b * T_ + t] = i ? s.tokens[i - 1] : s.before;
                next_tokens[b * T_ + t] = s.tokens[i];
            }
        Batch batch{s.B, T_, lengths.data()};
        batch.tokens = tokens.data(), batch.token_targets = next_tokens.data(), batch.state = s.state;
        return batch;
    }

    // Draw an update's noise: into the batch, and into a copy of the weights, which is returned.
    T* with_noise(Batch& batch, uint64_t update) {
        const double started = now();
        const int64_t L = m.num_layers;
        if (noise.inputs) with_input_noise(batch, update);
        batch.drop_input = factors(batch, 0, noise.drop_input, m.n_inputs, update);
        for (int64_t l = 1; l < L; l++) batch.drop_between[l] = factors(batch, l, noise.drop_between, m.hidden_size, update);
        batch.drop_output = factors(batch, L, noise.drop_output, m.hidden_size, update);
        T* row = (T*)s.row;
        if (noise.weights) {
            noisy.assign(row, row + m.row_size);
            row = noisy.data();
            add_weight_noise(&noise, update, 0, row);
        }
        s.noise_seconds += now() - started;
        return row;
    }

    const T* factors(const Batch& batch, int64_t place, double rate, int64_t size, uint64_t update) {
        if (!rate) return nullptr;
        dropped[place].resize(batch.B * batch.T * size);
        for (int64_t b = 0; b < batch.B; b++) {
            T* to = dropped[place].data() + b * batch.T * size;
            draw_factors<T>(to, batch.lengths[b] * size, rate, noise.drop_key, update, place + SEQUENCE * b);
        }
        return dropped[place].data();
    }

    // Frames as numbers, each the input of the step after it, with noise on all of them, the first too, be it empty.
    void with_input_noise(Batch& batch, uint64_t update) {
        const int64_t B = batch.B, T_ = batch.T, O = m.n_outputs;
        targets.assign(B * T_ * O, T(0)), frames.assign(B * T_ * O, T(0));
        for (int64_t b = 0; b < B; b++) {
            const uint8_t* from = batch.sequences[b];
            const int64_t n = batch.lengths[b] * O, given = batch.n_given * O, empty = O - given;
            T* to = frames.data() + b * T_ * O;
            std::copy(from + given, from + given + n, targets.data() + b * T_ * O);
            std::copy(from, from + n - empty, to + empty);
            add_noise<T>(to, n, noise.inputs, noise.input_key, update, SEQUENCE * b);
        }
        batch.sequences = nullptr, batch.frames = frames.data(), batch.frame_targets = targets.data();
    }
};
