//! A failing day made smaller: fewer machines, fewer clients, fewer faults.
//!
//! Parts are left out in halves, then quarters, and at last one by one, as long as the same judge objects. What is left can't
//! lose any single part. A day that fails for another reason without a part is another finding, and does not count.

/// Leaves out of `parts` what `fails` does not need. `fails` is told all that is left out.
///
/// Returns what is left out in the end.
pub fn shrink<P: Copy + PartialEq, E>(
    parts: &[P],
    already: &[P],
    mut fails: impl FnMut(&[P]) -> Result<bool, E>,
) -> Result<Vec<P>, E> {
    let mut out = already.to_vec();
    let mut left: Vec<P> = parts
        .iter()
        .filter(|part| !already.contains(part))
        .copied()
        .collect();
    let mut size = left.len().div_ceil(2);
    while size > 0 && !left.is_empty() {
        let mut was_shrunk = false;
        let mut at = 0;
        while at < left.len() {
            let tried: Vec<P> = left.iter().skip(at).take(size).copied().collect();
            let mut without = out.clone();
            without.extend_from_slice(&tried);
            if fails(&without)? {
                out = without;
                left.retain(|part| !tried.contains(part));
                was_shrunk = true;
            } else {
                at += size;
            }
        }
        // Without one part another may have become needless.
        size = match (size, was_shrunk) {
            (1, true) => 1,
            _ => size / 2,
        };
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn shrunk(parts: &[u32], needs: impl Fn(&dyn Fn(u32) -> bool) -> bool) -> (Vec<u32>, u32) {
        let mut tries = 0;
        let out = shrink(parts, &[], |out| {
            tries += 1;
            Ok::<_, Infallible>(needs(&|part| !out.contains(&part)))
        });
        let Ok(out) = out;
        let left = parts.iter().copied().filter(|part| !out.contains(part));
        (left.collect(), tries)
    }

    #[test]
    fn only_what_the_failure_needs_is_left() {
        let parts: Vec<_> = (0..40).collect();
        let (left, tries) = shrunk(&parts, |has| has(3) && has(17));
        assert_eq!(left, [3, 17]);
        assert!(tries < 40, "{tries} days");
        assert_eq!(shrunk(&parts, |_| true).0, [0; 0]);
        assert_eq!(
            shrunk(&parts, |has| parts.iter().all(|part| has(*part))).0,
            parts
        );
        assert_eq!(shrunk(&[], |_| true).0, [0; 0]);
    }

    #[test]
    fn what_becomes_needless_by_another_is_left_out_too() {
        // 5 is needed while 6 is there.
        let parts: Vec<_> = (0..8).collect();
        let (left, _) = shrunk(&parts, |has| has(1) && (has(5) || !has(6)));
        assert_eq!(left, [1]);
    }

    #[test]
    fn what_was_left_out_before_stays_out() {
        let out = shrink(&[1, 2, 3], &[2], |out| {
            assert!(out.contains(&2));
            Ok::<_, Infallible>(!out.contains(&3))
        });
        assert_eq!(out, Ok(vec![2, 1]));
    }
}
