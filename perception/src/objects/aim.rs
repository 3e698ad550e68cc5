//! Whether a camera looks where its calibration says: by how far its boxes are
//! off their clusters and, should it look elsewhere altogether, by how many
//! boxes have no cluster where lidars see.

use std::collections::VecDeque;

use crate::health::Impairment;

/// So many of the last boxes tell,
const BOXES: usize = 120;
/// but no fewer than these.
const LEAST_BOXES: usize = 30;
/// How far off their median is of a camera that looks astray, rad: sideways,
/// and up and down, where clusters lack what is near the ground.
const ASTRAY: [f64; 2] = [0.018, 0.028];
/// Fewer of its boxes have a cluster if it looks at something else: 0.3 to 0.4
/// by chance on a crowded street, of a camera that looks where it should 0.7
/// and more.
const LEAST_SHARE: f64 = 0.5;
/// So many boxes with clusters show that it looks about where it should.
const PROOFS: usize = 5;

/// What is remembered of a camera.
#[derive(Clone, Debug, Default)]
pub(super) struct Aim {
    /// How far right of their clusters and below them its boxes were, rad.
    offsets: VecDeque<[f64; 2]>,
    /// Whether boxes had clusters that should have.
    met: VecDeque<bool>,
}

impl Aim {
    /// Notes how far right of its cluster and below it a box is, rad.
    pub(super) fn note_offset(&mut self, offset: [f64; 2]) {
        push(&mut self.offsets, offset);
    }

    /// Notes whether a box has a cluster, of something near that lidars would
    /// see.
    pub(super) fn note_met(&mut self, met: bool) {
        push(&mut self.met, met);
    }

    /// Whether enough of its boxes had clusters to believe those without.
    pub(super) fn is_proven(&self) -> bool {
        self.met() >= PROOFS && self.share() >= LEAST_SHARE
    }

    /// How many of its boxes had clusters.
    fn met(&self) -> usize {
        self.met.iter().filter(|met| **met).count()
    }

    /// What share of those that should have.
    fn share(&self) -> f64 {
        self.met() as f64 / self.met.len().max(1) as f64
    }

    /// What is wrong with the camera of this index, if anything is known to
    /// be.
    pub(super) fn impairment(&self, camera: usize) -> Option<Impairment> {
        if let Some([right, down]) = self.offset() {
            // What is shown farther right is seen by one that looks left.
            let [right_rad, down_rad] = [-right, -down];
            return Some(Impairment::CameraAstray {
                camera,
                right_rad,
                down_rad,
            });
        }
        let share = self.share();
        let is_wrong = self.met.len() >= LEAST_BOXES && share < LEAST_SHARE;
        is_wrong.then_some(Impairment::CameraUnconfirmed { camera, share })
    }

    /// How far off its boxes are, rad; `None` if they are not, or nobody
    /// knows.
    fn offset(&self) -> Option<[f64; 2]> {
        if self.offsets.len() < LEAST_BOXES {
            return None;
        }
        let median = [0, 1].map(|k: usize| {
            let mut along: Vec<f64> = self.offsets.iter().map(|offset| offset[k]).collect();
            along.sort_by(f64::total_cmp);
            along[along.len() / 2]
        });
        let is_astray = (0..2).any(|k| median[k].abs() > ASTRAY[k]);
        is_astray.then_some(median)
    }
}

fn push<T>(last: &mut VecDeque<T>, one: T) {
    if last.len() == BOXES {
        last.pop_front();
    }
    last.push_back(one);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_right_of_their_clusters_are_of_a_camera_that_looks_left() {
        let mut aim = Aim::default();
        for i in 0..30 {
            assert_eq!(aim.impairment(2), None);
            // A few are of something else.
            aim.note_offset(if i % 5 == 0 {
                [-0.3, 0.3]
            } else {
                [0.03, -0.01]
            });
        }
        let told = aim.impairment(2).expect("is told");
        assert_eq!(
            told,
            Impairment::CameraAstray {
                camera: 2,
                right_rad: -0.03,
                down_rad: 0.01
            }
        );
        // Once they lie where they should again, it is believed again.
        (0..120).for_each(|_| aim.note_offset([0.0, 0.01]));
        assert_eq!(aim.impairment(2), None);
    }

    #[test]
    fn boxes_without_clusters_are_of_a_camera_that_looks_elsewhere() {
        let mut aim = Aim::default();
        (0..4).for_each(|_| aim.note_met(true));
        assert!(!aim.is_proven());
        aim.note_met(true);
        assert!(aim.is_proven());
        for _ in 0..25 {
            assert_eq!(aim.impairment(0), None);
            aim.note_met(false);
        }
        assert!(!aim.is_proven());
        let told = aim.impairment(0).expect("is told");
        assert_eq!(told.reason(), "camera_unconfirmed");
    }
}
