//! The groups that a request with several preferences is tried in.

use crate::bits::Bits;

/// How many of the first preferences may each be given up alone.
const COMBINED: usize = 3;

/// The groups that satisfy all preferences, then fewer, in the order in which they are tried: the last preference is given
/// up first. Each with how full it may be: as full as the strictest of its preferences says.
///
/// `needed` are the positions that can be used at all, and each preference those that satisfy it. Beyond the first
/// [`COMBINED`] preferences one is given up only together with all that come after it.
pub(crate) fn stages(
    needed: &Bits,
    preferences: &[(Bits, Option<f64>)],
) -> Vec<(Bits, Option<f64>)> {
    let count = preferences.len();
    let combined = count.min(COMBINED);
    let prefixes = (combined + 1..=count).rev();
    let prefixes = prefixes.map(|kept| (0..count).map(|at| at < kept).collect::<Vec<_>>());
    // As binary numbers, whose highest bit is the first preference: from all down to the last alone.
    let combinations = (1..1_u32 << combined).rev().map(|bits| {
        let has = |at: usize| at < combined && bits >> (combined - 1 - at) & 1 == 1;
        (0..count).map(has).collect()
    });
    let mut stages: Vec<(Bits, Option<f64>)> = Vec::new();
    for satisfied in prefixes.chain(combinations) {
        let mut bits = needed.clone();
        let mut mark: Option<f64> = None;
        let kept = preferences.iter().zip(satisfied).filter(|(_, kept)| *kept);
        for ((preference, spill_at), _) in kept {
            bits.keep_also(preference);
            mark = match (mark, *spill_at) {
                (Some(mark), Some(other)) => Some(mark.min(other)),
                (mark, other) => mark.or(other),
            };
        }
        // All and none are no choice, and the same once more is none either.
        let is_known = stages
            .iter()
            .any(|(known, other)| *known == bits && *other == mark);
        if bits.count() > 0 && bits.count() < needed.count() && !is_known {
            stages.push((bits, mark));
        }
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(positions: &[u32]) -> Bits {
        let mut bits = Bits::all(8);
        bits.keep(positions);
        bits
    }

    fn tried(preferences: &[(&[u32], Option<f64>)]) -> Vec<(Vec<usize>, Option<f64>)> {
        let preferences: Vec<_> = preferences
            .iter()
            .map(|(positions, spill_at)| (bits(positions), *spill_at))
            .collect();
        let stages = stages(&Bits::all(8), &preferences);
        let positions = |bits: &Bits| (0..8).filter(|at| bits.has(*at)).collect();
        stages
            .iter()
            .map(|(bits, mark)| (positions(bits), *mark))
            .collect()
    }

    #[test]
    fn the_last_preference_is_given_up_first() {
        let both = tried(&[(&[0, 1, 2, 3], Some(0.9)), (&[2, 3, 4, 5], Some(0.8))]);
        let wanted = [
            (vec![2, 3], Some(0.8)),
            (vec![0, 1, 2, 3], Some(0.9)),
            (vec![2, 3, 4, 5], Some(0.8)),
        ];
        assert_eq!(both, wanted);
    }

    #[test]
    fn what_cannot_be_satisfied_together_or_is_no_choice_is_left_out() {
        assert_eq!(
            tried(&[(&[0, 1], None), (&[2, 3], Some(0.5))]),
            [(vec![0, 1], None), (vec![2, 3], Some(0.5))]
        );
        assert_eq!(tried(&[(&[0, 1, 2, 3, 4, 5, 6, 7], None), (&[], None)]), []);
        assert_eq!(
            tried(&[(&[0, 1], None), (&[0, 1, 2], Some(0.5))]),
            [
                (vec![0, 1], Some(0.5)),
                (vec![0, 1], None),
                (vec![0, 1, 2], Some(0.5))
            ]
        );
    }

    #[test]
    fn many_preferences_make_few_groups() {
        let parts: Vec<Vec<u32>> = (0..8)
            .map(|left_out| (0..8).filter(|at| *at != left_out).collect())
            .collect();
        let preferences: Vec<_> = parts.iter().map(|part| (part.as_slice(), None)).collect();
        let tried = tried(preferences.get(..7).unwrap_or_default());
        assert_eq!(tried.len(), 4 + 7);
        assert_eq!(tried.first().map(|(all, _)| all.clone()), Some(vec![7]));
    }
}
