//! Words that look alike, for "did you mean".

/// Those of `candidates` that look like `word`, the nearest first, three at most.
///
/// Letter case does not count; a letter that is missing, extra, wrong or swapped with its
/// neighbour counts one, and about one letter in three may differ, three at most. The cost of a
/// candidate grows with its length, not with the square of it; a `word` that is longer than all
/// candidates costs no more than they do.
pub fn near<T: AsRef<str>>(word: &str, candidates: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut rest = letters(word);
    let mut known = Vec::new();
    let mut res = Vec::new();
    for it in candidates {
        let candidate: Vec<char> = letters(it.as_ref()).collect();
        // A peer chooses the word: what is too long to be near is not looked at.
        let enough = candidate.len() + FAR + 1;
        known.extend(rest.by_ref().take(enough.saturating_sub(known.len())));
        res.extend(distance(&known, &candidate).map(|far| (far, it)));
    }
    res.sort_by(|(a, left): &(usize, T), (b, right)| (a, left.as_ref()).cmp(&(b, right.as_ref())));
    res.into_iter().map(|(_, it)| it).take(MOST).collect()
}

/// How many suggestions still help.
const MOST: usize = 3;

/// How many letters may differ, however long the words.
const FAR: usize = 3;

fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars().flat_map(char::to_lowercase)
}

/// How many letters differ between the two, or `None` if too many do.
///
/// The restricted Damerau-Levenshtein distance, computed only near the diagonal.
fn distance(a: &[char], b: &[char]) -> Option<usize> {
    let most = (a.len().max(b.len()) / 3).clamp(1, FAR);
    if most < a.len().abs_diff(b.len()) {
        return None;
    }
    let far = most + 1;
    let mut before = vec![far; b.len() + 2];
    let mut above: Vec<usize> = (0..b.len() + 2).map(|it| it.min(far)).collect();
    let mut row = before.clone();
    for i in 1..=a.len() {
        let (first, last) = (i.saturating_sub(most).max(1), (i + most).min(b.len()));
        row[first - 1] = if first == 1 { i.min(far) } else { far };
        for j in first..=last {
            let is_other = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (above[j - 1] + is_other).min(above[j] + 1).min(row[j - 1] + 1);
            if 1 < i && 1 < j && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row[j] = least.min(far);
        }
        row[last + 1] = far;
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
    Some(above[b.len()]).filter(|it| *it <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, candidates: &[&str], expect: &[&str]) {
        assert_eq!(near(word, candidates.iter().copied()), expect);
    }

    #[test]
    fn one_slip_of_the_finger_is_near() {
        for word in ["Alcie", "Alic", "Alicee", "Alixe", "alice", "ALICE"] {
            check(word, &["Bob", "Alice", "Carol"], &["Alice"]);
        }
    }

    #[test]
    fn words_that_share_little_are_not_near() {
        check("Alice", &["Bob", "Al", "Alexandra", ""], &[]);
        check("", &["Bob"], &[]);
        check("ab", &["cd", "ba", "a"], &["a", "ba"]);
    }

    #[test]
    fn the_nearest_stands_first_and_three_are_enough() {
        check(
            "worker",
            &["workers", "walker", "worker", "w0rker", "morker"],
            &["worker", "morker", "w0rker"],
        );
    }

    #[test]
    fn a_word_that_begins_like_a_candidate_and_goes_on_is_not_near() {
        let endless = "Alice".repeat(1_000_000);
        check(&endless, &["Alice", "Bob"], &[]);
        check("Alicealice", &["Alice", "AliceAlic", "Alicealicealice"], &["AliceAlic"]);
    }

    #[test]
    fn long_words_are_compared_at_bounded_cost() {
        let (word, other) = ("ab".repeat(100_000), "ba".repeat(100_000));
        assert_eq!(near(&word, [other.as_str()]), [other.as_str()]);
    }
}
