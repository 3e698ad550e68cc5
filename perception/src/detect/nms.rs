//! Non-maximum suppression: of boxes that show the same thing, the best.

/// A box that may show something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// Index into the model's classes.
    pub(super) class: u16,
    /// From 0 to 1.
    pub(super) score: f32,
    /// x_min, y_min, x_max, y_max in one frame for all candidates; finite.
    pub(super) bbox: [f32; 4],
}

/// Greedy class-wise suppression: the best candidate stays, and those of its
/// class whose [`overlap`] with it exceeds `threshold` go; and so on with
/// what remains, until `limit` have stayed.
///
/// What stays is sorted from the best to the worst and does not depend on
/// the order of the candidates: equal scores are ordered by class and place.
pub(super) fn suppress(
    mut candidates: Vec<Candidate>,
    threshold: f32,
    limit: usize,
) -> Vec<Candidate> {
    candidates.sort_unstable_by(|a, b| {
        let place = || {
            let coordinates = a.bbox.iter().zip(&b.bbox);
            coordinates.map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne())
        };
        (b.score.total_cmp(&a.score))
            .then(a.class.cmp(&b.class))
            .then_with(|| place().unwrap_or(std::cmp::Ordering::Equal))
    });
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.len() == limit {
            break;
        }
        let suppressed = kept.iter().any(|better| {
            better.class == candidate.class && overlap(&better.bbox, &candidate.bbox) > threshold
        });
        if !suppressed {
            kept.push(candidate);
        }
    }
    kept
}

/// Intersection over union of two boxes, from 0 to 1; 0 where either has no
/// area.
pub(super) fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |b: [f32; 4]| f64::from(b[2] - b[0]).max(0.0) * f64::from(b[3] - b[1]).max(0.0);
    let shared = area([
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    if shared > 0.0 {
        (shared / (area(*a) + area(*b) - shared)) as f32
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(class: u16, score: f32, bbox: [f32; 4]) -> Candidate {
        Candidate { class, score, bbox }
    }

    #[test]
    fn overlap_is_intersection_over_union() {
        let unit = [0.0, 0.0, 2.0, 2.0];
        assert_eq!(overlap(&unit, &unit), 1.0);
        assert_eq!(overlap(&unit, &[1.0, 0.0, 3.0, 2.0]), 1.0 / 3.0);
        assert_eq!(overlap(&unit, &[2.0, 0.0, 4.0, 2.0]), 0.0);
        assert_eq!(overlap(&unit, &[1.0, 1.0, 1.0, 1.0]), 0.0);
        assert_eq!(overlap(&[1.0; 4], &[1.0; 4]), 0.0);
    }

    #[test]
    fn only_boxes_of_one_class_suppress_each_other() {
        let bbox = [0.0, 0.0, 10.0, 10.0];
        let candidates = vec![
            candidate(7, 0.4, bbox),
            candidate(2, 0.8, [0.0, 0.0, 10.0, 9.0]),
            candidate(2, 0.9, bbox),
            candidate(2, 0.3, [8.0, 0.0, 18.0, 10.0]),
        ];
        let scores = |limit| -> Vec<f32> {
            let kept = suppress(candidates.clone(), 0.45, limit);
            kept.iter().map(|k| k.score).collect()
        };
        assert_eq!(scores(10), [0.9, 0.4, 0.3]);
        assert_eq!(scores(2), [0.9, 0.4]);
        assert!(scores(0).is_empty());
    }

    /// Few distinct values, so that ties and overlaps are common.
    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let corner = || (0..12_u8).prop_map(f32::from);
        let side = || (0..8_u8).prop_map(f32::from);
        let one = (0..3_u16, 0..6_u8, corner(), corner(), side(), side()).prop_map(
            |(class, score, x, y, width, height)| {
                candidate(class, f32::from(score) / 5.0, [x, y, x + width, y + height])
            },
        );
        prop::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn what_stays_does_not_overlap(candidates in candidates(), threshold in 0.0..1.0_f32) {
            let kept = suppress(candidates, threshold, usize::MAX);
            for (i, a) in kept.iter().enumerate() {
                for b in &kept[..i] {
                    prop_assert!(a.class != b.class || overlap(&a.bbox, &b.bbox) <= threshold);
                }
            }
        }

        #[test]
        fn what_goes_overlaps_something_better(
            candidates in candidates(),
            threshold in 0.0..1.0_f32,
        ) {
            let kept = suppress(candidates.clone(), threshold, usize::MAX);
            for c in candidates.iter().filter(|c| !kept.contains(c)) {
                let why = kept.iter().find(|k| {
                    k.class == c.class
                        && k.score >= c.score
                        && overlap(&k.bbox, &c.bbox) > threshold
                });
                prop_assert!(why.is_some());
            }
        }

        #[test]
        fn the_best_stays(candidates in candidates(), threshold in 0.0..1.0_f32) {
            let best = candidates.iter().map(|c| c.score).max_by(f32::total_cmp);
            let kept = suppress(candidates, threshold, 1);
            prop_assert_eq!(kept.first().map(|k| k.score), best);
        }

        #[test]
        fn the_order_does_not_matter(
            (given, shuffled) in candidates()
                .prop_flat_map(|c| (Just(c.clone()), Just(c).prop_shuffle())),
            threshold in 0.0..1.0_f32,
            limit in 0..40_usize,
        ) {
            prop_assert_eq!(
                suppress(given, threshold, limit),
                suppress(shuffled, threshold, limit)
            );
        }
    }
}
