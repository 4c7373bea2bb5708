// Every claim on looks in memory of exactly the size that it has to be, so that a sanitizer sees
// what steps over. What the claims mean is tested in tests/sdk/zoom/test_claims.py.
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "check.hpp"
#include "claims.hpp"

namespace {

constexpr std::size_t kTokens = 5;

struct Memory {
    std::vector<double> boxes, cells;
    std::vector<float> scores, meanings;

    Memory(std::size_t count, std::size_t locations) {
        std::mt19937 random(static_cast<unsigned>(count + locations));
        std::uniform_real_distribution<double> any(0.0, 1.0);
        for (std::size_t k = 0; k < 4 * count; ++k) boxes.push_back(1000.0 * any(random));
        for (std::size_t k = 0; k < 2 * locations; ++k) cells.push_back(any(random));
        for (std::size_t k = 0; k < count; ++k) scores.push_back(static_cast<float>(any(random)));
        for (std::size_t k = 0; k < kTokens * locations; ++k) {
            meanings.push_back(static_cast<float>(any(random)));
        }
    }

    piza::Look look() const {
        return {scores.size(), cells.size() / 2, kTokens,      boxes.data(),   scores.data(),
                meanings.data(), cells.data(),   {1000, 600}, {0, 0}, {1000, 600}};
    }
};

std::vector<std::size_t> tokens_of(piza::ClaimKind kind) {
    if (kind == piza::ClaimKind::kPlace) return {};
    return kind == piza::ClaimKind::kBetween ? std::vector<std::size_t>{1, kTokens - 1}
                                             : std::vector<std::size_t>{kTokens - 1};
}

void every_claim(std::size_t count, std::size_t locations) {
    const Memory memory(count, locations);
    for (std::size_t what = 0; what < piza::claimables().size(); ++what) {
        const bool place = piza::claimables()[what].kind == piza::ClaimKind::kPlace;
        for (const bool negated : {false, true}) {
            const piza::Claim claim{what, tokens_of(piza::claimables()[what].kind), negated, 2};
            std::vector<float> found(count);
            CHECK(piza::weigh(memory.look(), {claim, claim}, found.data()) ==
                  (place || locations > 0));
            for (const float score : found) CHECK(score >= 0.0F && score <= 1.0F);
        }
    }
}

void what_cannot_be_told() {
    Memory memory(2, 6);
    memory.boxes[0] = std::numeric_limits<double>::quiet_NaN();
    std::vector<float> found(2);
    CHECK(piza::weigh(memory.look(), {{0, {1}, false, 1}}, found.data()));
    CHECK(std::isnan(found[0]) && !std::isnan(found[1]));
    memory.meanings[kTokens + 1] = std::numeric_limits<float>::infinity();
    CHECK(!piza::weigh(memory.look(), {{0, {1}, false, 1}}, found.data()));
    CHECK(!piza::weigh(memory.look(), {}, found.data()));
}

}  // namespace

int main() {
    every_claim(0, 7);
    every_claim(3, 0);
    every_claim(4, 1);
    every_claim(9, 60);
    what_cannot_be_told();
    return 0;
}
