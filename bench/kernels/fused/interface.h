// The model and the batch that Python hands over, member for member as in interface.py.
#pragma once
#include <cstdint>

extern "C" {

constexpr int64_t MOST_LAYERS = 16;

// Where a model's weights begin in its row; -1 for those it does not have.
struct Model {
    int64_t head;  // 0 Bernoulli, 1 softmax
    int64_t n_inputs, n_outputs, hidden_size, num_layers, row_size;
    int64_t E, readout_W, readout_b;
    int64_t W[MOST_LAYERS], U[MOST_LAYERS], b[MOST_LAYERS], b_recurrent[MOST_LAYERS], P[MOST_LAYERS];
};

// A padded batch (B, T, ...), or, in place of frames and their targets, each sequence's frames of zeros and ones as bytes:
// they are the targets, and the inputs are the frames before them, the first from nothing; or with `n_given` 1 the first
// frame is an input alone, and `lengths` do not count it. `drop` are factors (B, T, size) of input, between layers and
// output, null where there is none.
struct Batch {
    int64_t B, T;
    const int64_t* lengths;
    const uint8_t* const* sequences;
    int64_t n_given;
    const void* frames;
    const int64_t* tokens;
    const void* frame_targets;
    const int64_t* token_targets;
    const void* drop_input;
    const void* drop_between[MOST_LAYERS];
    const void* drop_output;
    void* state;  // (layer, state, B, H): read before the first step and written after the last
    double* nats;  // (B): to each is added the loss of its sequence, where there is no gradient; null where nobody asks
};

// Totals over a batch: what a split's scores are made of.
struct Tally {
    double nats, units, hits, errors;
};

// An optimiser and its settings.
struct Rule {
    int64_t name;  // 0 sgd, 1 rmsprop, 2 adam, 3 adamw
    int64_t nesterov, has_largest_eps;  // of RMSProp: the larger of the root mean square and eps, not their sum
    double lr, momentum, beta1, beta2, alpha, eps, weight_decay, clip_norm, clip_velocity;
};

// Noise while training: standard deviations and rates, 0 for none, and the keys that each is drawn with.
struct Noise {
    double weights, inputs, drop_input, drop_between, drop_output;
    uint64_t weight_key, input_key, drop_key;
    int64_t n_noisy;
    const int64_t* noisy;  // where each weight with noise begins in the row, and its size
};

// Add an update's noise to the weights with noise of a row, weight i by the numbers of place first_place + i.
void add_weight_noise(const Noise*, uint64_t update, uint32_t first_place, REAL* row);

// The next updates of a member. Of sequences, the frames (zeros and ones as bytes) and lengths of all in the split, and
// which are in the batches: those of update u are chosen[first[u]] to chosen[first[u + 1]]. Or a text, in B pieces of
// `piece` tokens that are read in windows, the first of them number `position`; `before` stands before the text.
struct Segment {
    const Model* model;
    int64_t n, first_update;  // how many updates, and how many the member has taken
    double seconds;           // after so many it ends with the update that it is in
    const uint8_t* const* sequences;
    const int64_t *lengths, *chosen, *first;
    const int64_t* tokens;
    int64_t n_given;  // of each sequence, as in Batch
    int64_t before, B, piece, window, position;
    Noise noise;
    Rule rule;
    int64_t is_sum;    // the gradient is that of a batch's whole loss, not of its mean
    int64_t n_steps;   // of the optimiser, so far
    const double* lr;  // of each update
    void *row, *grads, *first_moment, *second_moment, *state;
    double *nats, *norms;  // of each update
    double arithmetic_seconds, noise_seconds;  // what forward, backward and optimiser took, and what drawing noise did
};
}
