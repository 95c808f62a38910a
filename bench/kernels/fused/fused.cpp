// Whole training steps of recurrent models, one member at a time: forward, loss, backward, clipping, optimiser.
// A plain C interface: no header but the compiler's own, so that it builds in seconds.
#include "heads.h"
#include "layer.h"
#include "optimiser.h"
#include <vector>

extern "C" {

constexpr int64_t MOST_LAYERS = 16;

// Where a model's weights begin in its row; -1 for those it does not have.
struct Model {
    int64_t cell;  // 0 tanh, 1 lstm, 2 lstm with peepholes, 3 gru reset after, 4 gru reset before
    int64_t head;  // 0 Bernoulli, 1 softmax
    int64_t n_inputs, n_outputs, hidden_size, num_layers, row_size;
    int64_t E, readout_W, readout_b;
    int64_t W[MOST_LAYERS], U[MOST_LAYERS], b[MOST_LAYERS], b_recurrent[MOST_LAYERS], P[MOST_LAYERS];
};

// A padded batch (B, T, ...), or, in place of frames and their targets, each sequence's frames of zeros and ones as bytes:
// they are the targets, and the inputs are the frames before them, the first from nothing. `drop` are factors (B, T, size) of input, between layers and output, null where there is none.
struct Batch {
    int64_t B, T;
    const int64_t* lengths;
    const uint8_t* const* sequences;
    const void* frames;
    const int64_t* tokens;
    const void* frame_targets;
    const int64_t* token_targets;
    const void* drop_input;
    const void* drop_between[MOST_LAYERS];
    const void* drop_output;
    void* state;  // (layer, state, B, H): read before the first step and written after the last
};
}

namespace {

thread_local Workspace space;

// The packed order of a batch: sequences from long to short, then step by step.
struct Packing {
    std::vector<int64_t> order, start, width, rows;  // rows[n] = b T + t of packed row n
    Steps steps;

    explicit Packing(const Batch& batch) : order(batch.B) {
        for (int64_t b = 0; b < batch.B; b++) order[b] = b;
        std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return batch.lengths[a] > batch.lengths[b]; });
        int64_t active = batch.B, longest = batch.B ? batch.lengths[order[0]] : 0;
        for (int64_t t = 0; t < longest; t++) {
            while (active > 0 && batch.lengths[order[active - 1]] <= t) active--;
            start.push_back((int64_t)rows.size());
            width.push_back(active);
            for (int64_t j = 0; j < active; j++) rows.push_back(order[j] * batch.T + t);
        }
        steps = {longest, batch.B, (int64_t)rows.size(), start.data(), width.data()};
    }
};

// Copy rows of `size` numbers into packed rows of `ld`, the rest zero.
template <class T> void gather(const T* from, int64_t size, const std::vector<int64_t>& rows, T* to, int64_t ld) {
    for (size_t n = 0; n < rows.size(); n++) {
        std::copy(from + rows[n] * size, from + (rows[n] + 1) * size, to + n * ld);
        std::fill(to + n * ld + size, to + (n + 1) * ld, T(0));
    }
}

// Multiply packed rows by dropout's factors.
template <class T> void scale_rows(const T* factors, int64_t size, const std::vector<int64_t>& rows, T* x, int64_t ld) {
    for (size_t n = 0; n < rows.size(); n++)
        for (int64_t i = 0; i < size; i++) x[n * ld + i] *= factors[rows[n] * size + i];
}

template <class T> LayerWeights<T> weights_of(const Model& m, int64_t layer, T* row) {
    auto at = [&](const int64_t* offsets) { return offsets[layer] < 0 ? nullptr : row + offsets[layer]; };
    return {at(m.W), at(m.U), at(m.b), at(m.b_recurrent), at(m.P)};
}

template <class T, class C> struct Step {
    static constexpr int LANES = Lanes<T>::W;
    const Model& m;
    const Batch& batch;
    Packing packing;
    std::vector<Layer<T, C>> layers;
    int64_t N, H, Hp, Ip, Op;
    T *x, *dropped, *logits, *targets, *d_h, *d_below, *readout_panel, *d_readout_panel, *readout_bias, *scratch;
    std::vector<int64_t> tokens, token_targets, shared, first;  // `tokens` are those of the distinct rows
    std::vector<int32_t> keys;
    std::vector<T> values;

    Step(const Model& model, const Batch& b) : m(model), batch(b), packing(b) {
        H = m.hidden_size, Hp = padded(H, LANES), Ip = padded(m.n_inputs, LANES), Op = padded(m.n_outputs, LANES);
        N = packing.steps.N;
        for (int64_t l = 0; l < m.num_layers; l++) layers.emplace_back(l ? H : m.n_inputs, H, packing.steps);
    }

    void take(Workspace& w) {
        for (auto& layer : layers) layer.take(w);
        int64_t widest = std::max(Ip, Hp);
        x = w.take<T>(N * Ip);
        dropped = w.take<T>((size_t)m.num_layers * N * Hp);
        logits = w.take<T>(N * Op);
        targets = m.head == 0 ? w.take<T>(N * Op) : nullptr;
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
        if (l == 0)
            return {x, Ip, shared.empty() ? N : (int64_t)tokens.size(), shared.empty() ? nullptr : shared.data(), first.data(),
                    keys.empty() ? nullptr : keys.data(), values.data()};
        const T* below = batch.drop_between[l] ? dropped + (l - 1) * N * Hp : layers[l - 1].state[0];
        return {below, Hp, N, nullptr, nullptr, nullptr, nullptr};
    }

    const T* top() const { return batch.drop_output ? dropped + (m.num_layers - 1) * N * Hp : layers.back().state[0]; }

    void read_inputs(const T* row) {
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

    // The frame `shift` steps from packed row n, or null before the first.
    const uint8_t* bytes(int64_t n, int64_t shift) const {
        int64_t b = packing.rows[n] / batch.T, t = packing.rows[n] % batch.T + shift;
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
        read_inputs(row);
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
        product<T>(top(), Hp, 1, 0, H, readout_panel, Op / LANES, logits, Op, N, readout_bias, false);
    }

    void loss(T scale, bool gradient, Tally& tally) {
        read_targets();
        if (m.head == 0) bernoulli<T>(logits, targets, N, m.n_outputs, Op, scale, gradient, tally);
        else softmax<T>(logits, token_targets.data(), N, m.n_outputs, Op, scale, gradient, tally);
    }

    void backward(T* row, T* grads) {
        const T* W = row + m.readout_W;
        pack<T>(Hp / LANES, 1, m.n_outputs, d_readout_panel, [&](int64_t, int64_t v) {
            return Column<T>{W + v * LANES, H, 1, (int)std::min<int64_t>(LANES, H - v * LANES)};
        });
        product<T>(logits, Op, 1, 0, m.n_outputs, d_readout_panel, Hp / LANES, d_h, Hp, N, nullptr, false);
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
        for (size_t n = 0; n < tokens.size(); n++) {
            T* e = table + tokens[n] * m.n_inputs;
            for (int64_t i = 0; i < m.n_inputs; i++) e[i] += d[n * Ip + i];
        }
    }
};

template <class T, class C> int step_of(const Model& m, const Batch& b, T* row, T* grads, double scale, Tally* tally) {
    Step<T, C> step(m, b);
    if (!step.reserve()) return 1;
    step.forward(row);
    step.loss(T(scale), grads != nullptr, *tally);
    if (grads) step.backward(row, grads);
    return 0;
}

template <class T> int step(const Model* m, const Batch* b, T* row, T* grads, double scale, Tally* tally) {
    if (m->num_layers > MOST_LAYERS) return 2;
    switch (m->cell) {
        case 0: return step_of<T, Tanh>(*m, *b, row, grads, scale, tally);
        case 1: return step_of<T, Lstm<false>>(*m, *b, row, grads, scale, tally);
        case 2: return step_of<T, Lstm<true>>(*m, *b, row, grads, scale, tally);
        case 3: return step_of<T, GruAfter>(*m, *b, row, grads, scale, tally);
        case 4: return step_of<T, GruBefore>(*m, *b, row, grads, scale, tally);
    }
    return 2;
}

// Clip and step; returns the norm before clipping. A norm that is not finite changes nothing.
template <class T> double update(const Rule* rule, int64_t count, T* w, T* g, T* m, T* v, int64_t n) {
    double length = norm<T>(g, n);
    if (!std::isfinite(length)) return length;
    if (rule->clip_norm > 0) {
        T factor = std::min(1.0, rule->clip_norm / (length + 1e-6));
        for (int64_t i = 0; i < n; i++) g[i] *= factor;
    }
    apply<T>(*rule, count, w, g, m, v, n);
    return length;
}

}  // namespace

extern "C" {
// Add the totals of a batch to `tally`; with `grads`, also write the gradient of scale times the total loss.
// Returns 0, 1 if there is no memory, 2 for an unknown cell or too many layers.
int step_float(const Model* m, const Batch* b, float* row, float* grads, double scale, Tally* tally) { return step(m, b, row, grads, scale, tally); }
int step_double(const Model* m, const Batch* b, double* row, double* grads, double scale, Tally* tally) { return step(m, b, row, grads, scale, tally); }
double update_float(const Rule* r, int64_t count, float* w, float* g, float* m, float* v, int64_t n) { return update(r, count, w, g, m, v, n); }
double update_double(const Rule* r, int64_t count, double* w, double* g, double* m, double* v, int64_t n) { return update(r, count, w, g, m, v, n); }
}
