// Whether a JPEG holds its whole picture: a walk over its entropy-coded data that makes no pixels.
//
// Decoders fill up what is damaged with grey or with nonsense and say so on stderr at most. The
// walk follows every Huffman code of baseline, extended and progressive files (ITU-T T.81).
#pragma once

#include <cstddef>
#include <cstdint>

namespace piza {

// What is wrong with a JPEG, to be read after its name ("is damaged: ..."); nullptr when nothing
// is, or when the file is of a kind that is not followed (arithmetic coding, lossless) or has no
// picture that a decoder would take.
//
// A missing end-of-image marker is no fault when the picture is whole, nor are zeros or 0xFF that
// fill up the data of a scan, as some hardware encoders do it.
const char* jpeg_fault(const std::uint8_t* data, std::size_t size);

}  // namespace piza
