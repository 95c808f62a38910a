// One training step of a model of one cell for one member: forward, loss, backward.
#pragma once
#include "heads.h"
#include "inputs.h"
#include "layer.h"

static thread_local Workspace space;

template <class T> LayerWeights<T> weights_of(const Model& m, int64_t layer, T* row) {
    auto at = [&](const int64_t* offsets) { return offsets[layer] < 0 ? nullptr : row + offsets[layer]; };
    return {at(m.W), at(m.U), at(m.b), at(m.b_recurrent), at(m.P)};
}

template <class T, class C> struct Step {
    static constexpr int LANES = Lanes<T>::W;
    const Model& m;
    const Batch& batch;
    Packing packing;
    Inputs<T> inputs;
    std::vector<Layer<T, C>> layers;
    int64_t N, H, Hp, Ip, Op;
    T *dropped, *logits, *d_h, *d_below, *readout_panel, *d_readout_panel, *readout_bias, *scratch;

    Step(const Model& model, const Batch& b) : m(model), batch(b), packing(b), inputs(m, batch, packing) {
        H = m.hidden_size, Hp = padded(H, LANES), Ip = padded(m.n_inputs, LANES), Op = padded(m.n_outputs, LANES);
        N = packing.steps.N;
        for (int64_t l = 0; l < m.num_layers; l++) layers.emplace_back(l ? H : m.n_inputs, H, packing.steps);
    }

    void take(Workspace& w) {
        for (auto& layer : layers) layer.take(w);
        int64_t widest = std::max(Ip, Hp);
        inputs.take(w);
        dropped = w.take<T>((size_t)m.num_layers * N * Hp);
        logits = w.take<T>(N * Op);
        d_h = w.take<T>(N * widest);
        d_below = w.take<T>(N * widest);
        readout_panel = w.take<T>(H * Op);
        d_readout_panel = w.take<T>(m.n_outputs * Hp);
        readout_bias = w.take<T>(Op);
        scratch = w.take<T>(std::max(m.n_outputs, (int64_t)1) * Hp);
    }

    // Memory is measured by taking it from nowhere.
    bool reserve() {
        Workspace measure;
        take(measure);
        if (!space.reserve(measure.used)) return false;
        take(space);
        return true;
    }

    // What layer l reads: the layer below, with dropout where there is any.
    Input<T> input(int64_t l) const {
        if (l == 0) return inputs.of_first_layer();
        const T* below = batch.drop_between[l] ? dropped + (l - 1) * N * Hp : layers[l - 1].state[0];
        return {below, Hp, N, nullptr, nullptr, nullptr, nullptr};
    }

    const T* top() const { return batch.drop_output ? dropped + (m.num_layers - 1) * N * Hp : layers.back().state[0]; }

    // Copy states between the caller's (layer, state, B, H) and a layer's padded rows in packed order.
    T* callers_state(int64_t l, int s, int64_t j) const {
        return (T*)batch.state + ((l * C::STATES + s) * batch.B + packing.order[j]) * H;
    }
    void read_state(int64_t l) {
        for (int s = 0; s < C::STATES; s++)
            for (int64_t j = 0; j < batch.B; j++) {
                T* to = layers[l].initial[s] + j * Hp;
                std::fill(to, to + Hp, T(0));
                if (batch.state) std::copy(callers_state(l, s, j), callers_state(l, s, j) + H, to);
            }
    }
    void write_state(int64_t l) {
        for (int s = 0; s < C::STATES && batch.state; s++)
            for (int64_t j = 0; j < batch.B; j++) {
                int64_t length = batch.lengths[packing.order[j]];
                if (length == 0) continue;
                const T* last = layers[l].state[s] + (packing.start[length - 1] + j) * Hp;
                std::copy(last, last + H, callers_state(l, s, j));
            }
    }

    void forward(T* row) {
        inputs.read(row);
        for (int64_t l = 0; l < m.num_layers; l++) {
            read_state(l);
            layers[l].forward(input(l), weights_of(m, l, row));
            write_state(l);
            const void* factors = l + 1 < m.num_layers ? batch.drop_between[l + 1] : batch.drop_output;
            if (factors) {
                T* to = dropped + l * N * Hp;
                std::copy(layers[l].state[0], layers[l].state[0] + N * Hp, to);
                scale_rows<T>((const T*)factors, H, packing.rows, to, Hp);
            }
        }
        const T* W = row + m.readout_W;
        pack<T>(Op / LANES, 1, H, readout_panel, [&](int64_t, int64_t v) {
            return Column<T>{W + v * LANES * H, 1, H, (int)std::min<int64_t>(LANES, m.n_outputs - v * LANES)};
        });
        std::fill(readout_bias, readout_bias + Op, T(0));
        std::copy(row + m.readout_b, row + m.readout_b + m.n_outputs, readout_bias);
        product<T>(top(), Hp, 1, ONE_PLACE, 0, H, readout_panel, Op / LANES, logits, Op, N, readout_bias, false);
    }

    void loss(T scale, bool gradient, Tally& tally) {
        inputs.read_targets();
        if (batch.nats && !gradient) add_sequence_nats();
        head(logits, 0, N, scale, gradient, tally);
    }

    // The loss of N rows of logits, whose targets begin at packed row `first`.
    void head(T* rows, int64_t first, int64_t N, T scale, bool gradient, Tally& tally) {
        if (m.head == 0) bernoulli<T>(rows, inputs.targets + first * Op, N, m.n_outputs, Op, scale, gradient, tally);
        else softmax<T>(rows, inputs.token_targets.data() + first, N, m.n_outputs, Op, scale, gradient, tally);
    }

    // Each row alone, and from a copy, for softmax overwrites it: the totals of the batch keep their bits.
    void add_sequence_nats() {
        for (int64_t n = 0; n < N; n++) {
            Tally alone{};
            std::copy(logits + n * Op, logits + (n + 1) * Op, scratch);
            head(scratch, n, 1, T(0), false, alone);
            batch.nats[packing.rows[n] / batch.T] += alone.nats;
        }
    }

    void backward(T* row, T* grads) {
        const T* W = row + m.readout_W;
        pack<T>(Hp / LANES, 1, m.n_outputs, d_readout_panel, [&](int64_t, int64_t v) {
            return Column<T>{W + v * LANES, H, 1, (int)std::min<int64_t>(LANES, H - v * LANES)};
        });
        product<T>(logits, Op, 1, ONE_PLACE, 0, m.n_outputs, d_readout_panel, Hp / LANES, d_h, Hp, N, nullptr, false);
        outer<T>(logits, Op, m.n_outputs, top(), Hp, Hp / LANES, N, scratch, Hp);
        Layer<T, C>::unpad(scratch, Hp, m.n_outputs, H, grads + m.readout_W);
        column_sums<T>(logits, Op, Op / LANES, N, readout_bias);
        std::copy(readout_bias, readout_bias + m.n_outputs, grads + m.readout_b);
        if (batch.drop_output) scale_rows<T>((const T*)batch.drop_output, H, packing.rows, d_h, Hp);
        for (int64_t l = m.num_layers - 1; l >= 0; l--) {
            T* below = l > 0 || m.E >= 0 ? d_below : nullptr;
            layers[l].backward(input(l), d_h, weights_of(m, l, row), weights_of(m, l, grads), below);
            if (l > 0 && batch.drop_between[l]) scale_rows<T>((const T*)batch.drop_between[l], H, packing.rows, below, Hp);
            std::swap(d_h, d_below);
        }
        if (m.E >= 0) scatter(grads + m.E, d_h);
    }

    void scatter(T* table, T* d) {
        if (batch.drop_input) scale_rows<T>((const T*)batch.drop_input, m.n_inputs, packing.rows, d, Ip);
        std::fill(table, table + m.n_outputs * m.n_inputs, T(0));
        for (size_t n = 0; n < inputs.tokens.size(); n++) {
            T* e = table + inputs.tokens[n] * m.n_inputs;
            for (int64_t i = 0; i < m.n_inputs; i++) e[i] += d[n * Ip + i];
        }
    }
};

// Add a batch's totals to `tally`; with `grads`, also write the gradient of `scale` times the loss. Returns 0, 1 if there
// is no memory, 2 for too many layers.
template <class T, class C> int step(const Model* m, const Batch* b, T* row, T* grads, double scale, Tally* tally) {
    if (m->num_layers > MOST_LAYERS) return 2;
    Step<T, C> step(*m, *b);
    if (!step.reserve()) return 1;
    step.forward(row);
    step.loss(T(scale), grads != nullptr, *tally);
    if (grads) step.backward(row, grads);
    return 0;
}
