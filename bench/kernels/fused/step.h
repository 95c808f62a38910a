// Where the pointwise equations of a cell read and write at one vector of units of one step of one sequence.
//
// The struct `Cell` is printed from the cell's definition. It has STATES states, INPUTS gates with an input preactivation,
// PRODUCTS recurrent products of OPERANDS operands, OWN vectors of its own, SAVED values that are kept for later stages,
// and BLOCKS blocks of gradients D. INPUT_ROW and PRODUCT_ROW are the blocks of rows of W and U, INPUT_BLOCK and
// PRODUCT_BLOCK those of D. The products of an operand stand together, from OPERAND_FIRST on; they are ready in
// OPERAND_STAGE, and multiply the state OPERAND_STATE or, where that is -1, a value that an earlier stage computes.
// forward<S> and backward<S> are the pointwise part of stage S, of STAGES.
#pragma once
#include "simd.h"

// Where a step of one sequence reads and writes, at one vector of units.
constexpr int at_least_one(int n) { return n > 0 ? n : 1; }

template <class T, class C> struct At {
    const T* wx_;  // input preactivations, blocks `stride` apart
    const T* own_;  // the cell's own vectors, `stride` apart
    const T* prev_[C::STATES];  // states before the step
    T* next_[C::STATES];        // states after it
    T* saved_;                  // kept for later stages, blocks `stride` apart
    T* operand_[at_least_one(C::OPERANDS)];          // what the products multiply
    const T* d_operand_[at_least_one(C::OPERANDS)];  // the gradient that the products give it
    T* d_;            // gradients of the preactivations and products, blocks `stride` apart
    const T* d_out_;  // gradient that reaches h from above
    T* carry_[C::STATES];  // gradients that reach the states from the step after; then from this step
    T* d_own_;             // gradients of the own vectors, summed over steps and sequences
    int64_t stride;

    Vec<T> wx(int i) const { return load(wx_ + i * stride); }
    Vec<T> own(int i) const { return load(own_ + i * stride); }
    Vec<T> prev(int s) const { return load(prev_[s]); }
    Vec<T> next(int s) const { return load((const T*)next_[s]); }
    void next(int s, Vec<T> v) const { store(next_[s], v); }
    Vec<T> saved(int i) const { return load((const T*)saved_ + i * stride); }
    void save(int i, Vec<T> v) const { store(saved_ + i * stride, v); }
    Vec<T> operand(int q) const { return load((const T*)operand_[q]); }
    void operand(int q, Vec<T> v) const { store(operand_[q], v); }
    Vec<T> d_operand(int q) const { return load(d_operand_[q]); }
    void d(int i, Vec<T> v) const { store(d_ + i * stride, v); }
    Vec<T> d_h() const { return load(d_out_) + load((const T*)carry_[0]); }
    Vec<T> carry(int s) const { return load((const T*)carry_[s]); }
    void carry(int s, Vec<T> v) const { store(carry_[s], v); }
    void add_d_own(int i, Vec<T> v) const { store(d_own_ + i * stride, load((const T*)d_own_ + i * stride) + v); }
};

// Without a name of its own a library would share the constants of the first `Cell` that the process has loaded.
namespace {
#include CELL
}
