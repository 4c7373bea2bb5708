// What the processor offers for products of eight-bit numbers.
#pragma once

namespace piza {

// The widest of its instruction sets for them, by the name that Linux has for it; "unknown" where
// that cannot be told. On x86 only those with VNNI add such products up in 32 bits.
const char* eight_bit_instructions();

}  // namespace piza
