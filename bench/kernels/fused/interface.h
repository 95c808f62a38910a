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
