// What a sentence claims of its object, "left of the bus", held against where the bus is.
//
// A network that was taught what each word means by itself also tells where a word has its objects:
// its landmarks. The first look surely shows them, a closer one shows them finer where they stand
// near the object: by both, right answers are told from near misses better than by either. Each
// claim becomes a probability for each candidate of a look, and adds log odds to those of the
// candidate's score, as those of evidence of its own.
//
// Every constant is our own choice, by measurement on rendered scenes whose seeds serve for that
// alone (`evaluation.seeds.FEATURES`). Lengths are shares of the frame's diagonal.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace piza {

enum class ClaimKind { kRelation, kBetween, kRank, kPlace };

// What can be claimed: its name, and of what kind that is.
struct Claimable {
    const char* name;
    ClaimKind kind;
};
const std::vector<Claimable>& claimables();

struct Claim {
    std::size_t what;                 // an index into claimables()
    std::vector<std::size_t> tokens;  // of the others' nouns; of a rank the object's own; of a
                                      // place none; one alone for "between two cars"
    bool negated;                     // it is said not to hold
    int number;                       // of a rank, from 1
};

// What a look offers: K candidates, and for each of N locations how far it is what each of T tokens
// means.
struct Look {
    std::size_t count, locations, tokens;
    const double* boxes;    // (K, 4) xyxy in frame pixels; NaN where there is none
    const float* scores;    // (K), 0 to 1
    const float* meanings;  // (N, T), logits
    const double* cells;    // (N, 2) x and y: frame pixels = cells * scale + shift
    std::array<double, 2> scale, shift, frame_wh;
};

// The scores with what is claimed weighed in, NaN for boxes of NaN; false, and nothing written,
// where nothing is claimed that can be told.
bool weigh(const Look& look, const std::vector<Claim>& claims, float* scores);

}  // namespace piza
