//! Non-maximum suppression: of boxes that show the same thing, the best.

use std::cmp::Ordering;

use super::options::Nms;
use crate::picture_box::{area, intersection, intersection_over_union};

/// A box that may show something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// Index into the model's classes.
    pub(super) class: u16,
    /// From 0 to 1.
    pub(super) score: f32,
    /// x_min, y_min, x_max, y_max in one frame for all candidates; finite.
    pub(super) bbox: [f32; 4],
    /// Whether a tile's edge may cut it.
    pub(super) cut: bool,
}

/// What suppresses what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suppression {
    pub(super) rivals: Nms,
    /// [`overlap`] above which the worse of two rivals goes.
    pub(super) threshold: f32,
    /// Most boxes that stay.
    pub(super) limit: usize,
}

/// More candidates than any network means. The best of them are looked at.
const MAX_CANDIDATES: usize = 30_000;

/// Greedy suppression: the best candidate stays, and those of its rivals
/// whose [`overlap`] with it exceeds the threshold go; and so on with what
/// remains, until as many have stayed as may.
///
/// A box that a tile cuts comes after all whole ones, and goes as well if so
/// much of it lies in one that stays: it shows a part of the same.
///
/// What stays is sorted from the best to the worst and does not depend on
/// the order of the candidates: equal scores are ordered by class and place.
/// A candidate is compared with those boxes alone that stay near it.
pub(super) fn suppress(mut candidates: Vec<Candidate>, rules: Suppression) -> Vec<Candidate> {
    if candidates.len() > MAX_CANDIDATES {
        candidates.select_nth_unstable_by(MAX_CANDIDATES, better);
        candidates.truncate(MAX_CANDIDATES);
    }
    candidates.sort_unstable_by(|a, b| a.cut.cmp(&b.cut).then_with(|| better(a, b)));
    let mut buckets = Buckets::around(&candidates);
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        // Of cut ones, a later one may be better than what has stayed.
        if kept.len() >= rules.limit && !candidate.cut {
            continue;
        }
        let rules_out = |stays: &Candidate| {
            (rules.rivals == Nms::Agnostic || stays.class == candidate.class)
                && (overlap(&stays.bbox, &candidate.bbox) > rules.threshold
                    || candidate.cut && cover(&stays.bbox, &candidate.bbox) > rules.threshold)
        };
        let near = |place: usize| rules_out(&kept[place]);
        if !buckets.near(&candidate.bbox).any(near) {
            buckets.insert(kept.len(), &candidate.bbox);
            kept.push(candidate);
        }
    }
    best(kept, rules.limit)
}

/// The best candidates, from the best to the worst.
pub(super) fn best(mut candidates: Vec<Candidate>, limit: usize) -> Vec<Candidate> {
    candidates.sort_unstable_by(better);
    candidates.truncate(limit);
    candidates
}

/// A total order: the better first.
fn better(a: &Candidate, b: &Candidate) -> Ordering {
    let place = || {
        let coordinates = a.bbox.iter().zip(&b.bbox);
        coordinates.map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne())
    };
    (b.score.total_cmp(&a.score))
        .then(a.class.cmp(&b.class))
        .then_with(|| place().unwrap_or(Ordering::Equal))
}

/// Boxes by the squares of a coarse grid that they touch: boxes that overlap
/// share a square.
struct Buckets {
    origin: [f32; 2],
    /// Squares per pixel, along x and y.
    scale: [f32; 2],
    squares: Vec<Vec<usize>>,
}

impl Buckets {
    /// Squares along each side.
    const SIDE: usize = 32;

    fn around(candidates: &[Candidate]) -> Self {
        let mut bounds = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for Candidate { bbox, .. } in candidates {
            bounds = [
                bounds[0].min(bbox[0]),
                bounds[1].min(bbox[1]),
                bounds[2].max(bbox[2]),
                bounds[3].max(bbox[3]),
            ];
        }
        Self {
            origin: [bounds[0], bounds[1]],
            scale: [0, 1].map(|i| Self::SIDE as f32 / (bounds[2 + i] - bounds[i]).max(1.0)),
            squares: vec![Vec::new(); Self::SIDE * Self::SIDE],
        }
    }

    /// The squares that a box touches, as ranges of columns and rows.
    fn touched(&self, bbox: &[f32; 4]) -> [std::ops::RangeInclusive<usize>; 2] {
        [0, 1].map(|i| {
            // A cast saturates.
            let square = |v: f32| ((v - self.origin[i]) * self.scale[i]) as usize;
            square(bbox[i]).min(Self::SIDE - 1)..=square(bbox[2 + i]).min(Self::SIDE - 1)
        })
    }

    fn near(&self, bbox: &[f32; 4]) -> impl Iterator<Item = usize> {
        let [columns, rows] = self.touched(bbox);
        rows.flat_map(move |row| columns.clone().map(move |column| row * Self::SIDE + column))
            .flat_map(|square| self.squares[square].iter().copied())
    }

    fn insert(&mut self, place: usize, bbox: &[f32; 4]) {
        let [columns, rows] = self.touched(bbox);
        for row in rows {
            for column in columns.clone() {
                self.squares[row * Self::SIDE + column].push(place);
            }
        }
    }
}

/// [`intersection_over_union`] of two boxes.
fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    intersection_over_union(&a.map(f64::from), &b.map(f64::from)) as f32
}

/// Share of `part` that lies in `whole`, from 0 to 1.
fn cover(whole: &[f32; 4], part: &[f32; 4]) -> f32 {
    let [whole, part] = [whole, part].map(|bbox| bbox.map(f64::from));
    let shared = intersection(&whole, &part);
    if shared > 0.0 {
        (shared / area(&part)) as f32
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(class: u16, score: f32, bbox: [f32; 4]) -> Candidate {
        Candidate {
            class,
            score,
            bbox,
            cut: false,
        }
    }

    fn class_wise(candidates: Vec<Candidate>, threshold: f32, limit: usize) -> Vec<Candidate> {
        let rivals = Nms::ClassWise;
        suppress(
            candidates,
            Suppression {
                rivals,
                threshold,
                limit,
            },
        )
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
            let kept = class_wise(candidates.clone(), 0.45, limit);
            kept.iter().map(|k| k.score).collect()
        };
        assert_eq!(scores(10), [0.9, 0.4, 0.3]);
        assert_eq!(scores(2), [0.9, 0.4]);
        assert!(scores(0).is_empty());
    }

    #[test]
    fn agnostic_suppression_looks_at_no_class() {
        let bbox = [0.0, 0.0, 10.0, 10.0];
        let candidates = vec![candidate(7, 0.4, bbox), candidate(2, 0.8, bbox)];
        let rules = Suppression {
            rivals: Nms::Agnostic,
            threshold: 0.45,
            limit: 10,
        };
        assert_eq!(suppress(candidates, rules), [candidate(2, 0.8, bbox)]);
    }

    #[test]
    fn a_part_goes_with_the_whole_however_well_it_scores() {
        let whole = candidate(2, 0.5, [0.0, 0.0, 100.0, 50.0]);
        let part = Candidate {
            cut: true,
            ..candidate(2, 0.9, [80.0, 0.0, 101.0, 50.0])
        };
        let other = Candidate {
            cut: true,
            ..candidate(2, 0.9, [200.0, 0.0, 240.0, 50.0])
        };
        let kept = class_wise(vec![whole, part, other], 0.45, 10);
        assert_eq!(kept, [other, whole]);
    }

    #[test]
    fn only_the_best_of_too_many_are_looked_at() {
        let many = (0..MAX_CANDIDATES + 5).map(|i| {
            let x = i as f32 * 20.0;
            candidate(0, 1.0 - i as f32 * 1e-5, [x, 0.0, x + 10.0, 10.0])
        });
        let kept = class_wise(many.collect(), 0.45, usize::MAX);
        assert_eq!(kept.len(), MAX_CANDIDATES);
        assert_eq!(kept[0].score, 1.0);
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
            let kept = class_wise(candidates, threshold, usize::MAX);
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
            let kept = class_wise(candidates.clone(), threshold, usize::MAX);
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
        fn it_is_the_plain_greedy_suppression(
            candidates in candidates(),
            threshold in 0.0..1.0_f32,
            limit in 0..40_usize,
        ) {
            let mut sorted = candidates.clone();
            sorted.sort_by(better);
            let mut plain: Vec<Candidate> = Vec::new();
            for c in sorted {
                let rival = |k: &Candidate| {
                    k.class == c.class && overlap(&k.bbox, &c.bbox) > threshold
                };
                if !plain.iter().any(rival) && plain.len() < limit {
                    plain.push(c);
                }
            }
            prop_assert_eq!(class_wise(candidates, threshold, limit), plain);
        }

        #[test]
        fn the_best_stays(candidates in candidates(), threshold in 0.0..1.0_f32) {
            let best = candidates.iter().map(|c| c.score).max_by(f32::total_cmp);
            let kept = class_wise(candidates, threshold, 1);
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
                class_wise(given, threshold, limit),
                class_wise(shuffled, threshold, limit)
            );
        }
    }
}
