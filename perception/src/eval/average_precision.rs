//! Average precision of a detector, as COCO defines it (Lin et al., "Microsoft
//! COCO: Common Objects in Context", 2014, and the `pycocotools` package):
//! of all boxes of a class in the order of their scores, what share is right,
//! at 101 shares of what is there.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Overlaps from which on a box is right: 0.50 to 0.95.
const OVERLAPS: usize = 10;
const LEAST_OVERLAP: f64 = 0.5;
const MOST_OVERLAP: f64 = 0.95;
/// Shares of what is there at which precision is read: 0 to 1.
const RECALLS: usize = 101;
/// So many boxes of a class count in one picture, the best.
const MOST: usize = 100;

/// Something that is in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Which picture.
    pub picture: u32,
    /// What it is.
    pub class: u32,
    /// x_min, y_min, x_max, y_max, pixels.
    pub bbox: [f64; 4],
    /// Area that counts for [`Measure::areas`], pixels².
    pub area: f64,
    /// A region with many of a class: what overlaps it is neither right nor
    /// wrong, and nobody has to find it.
    pub crowd: bool,
    /// Whether nobody has to find it for another reason: what is put there is
    /// neither right nor wrong.
    pub ignored: bool,
}

/// A box of a detector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// In which picture.
    pub picture: u32,
    /// What it is said to be.
    pub class: u32,
    /// x_min, y_min, x_max, y_max, pixels.
    pub bbox: [f64; 4],
    /// The higher the surer.
    pub score: f64,
}

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// Things, and boxes that are put where none is, count if their area lies
    /// between these two, pixels².
    pub areas: [f64; 2],
}

impl Measure {
    /// Everything.
    pub const ALL: Self = Self { areas: [0.0, 1e10] };
    /// Less than 32 × 32 pixels.
    pub const SMALL: Self = Self {
        areas: [0.0, 1024.0],
    };
    /// From there to 96 × 96 pixels.
    pub const MEDIUM: Self = Self {
        areas: [1024.0, 9216.0],
    };
    /// More.
    pub const LARGE: Self = Self {
        areas: [9216.0, 1e10],
    };
}

/// Precision of one class against the share of its things that are found, at an
/// overlap of 0.5.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The class.
    pub class: u32,
    /// How many things there are that count.
    pub things: usize,
    /// At each share of them from 0 to 1, in hundredths, the best precision of
    /// that share or a greater one; 0 where so much is never found.
    pub precision: [f64; RECALLS],
    /// Average precision at an overlap of 0.5.
    pub ap_50: f64,
    /// Its mean over overlaps from 0.5 to 0.95.
    pub ap: f64,
}

/// Average precision over all classes that there is something of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AveragePrecision {
    /// Each class, in their order.
    pub classes: Vec<Curve>,
}

impl AveragePrecision {
    /// Mean over the classes, at an overlap of 0.5; `None` if there is nothing.
    pub fn ap_50(&self) -> Option<f64> {
        self.mean(|class| class.ap_50)
    }

    /// The same, and over overlaps from 0.5 to 0.95.
    pub fn ap(&self) -> Option<f64> {
        self.mean(|class| class.ap)
    }

    fn mean(&self, of: impl Fn(&Curve) -> f64) -> Option<f64> {
        let count = self.classes.len();
        (count > 0).then(|| self.classes.iter().map(of).sum::<f64>() / count as f64)
    }
}

/// Compares boxes with what is there. Boxes of classes of which there is
/// nothing do not count, as nothing can be said of them.
pub fn average_precision(
    truths: &[Truth],
    guesses: &[Guess],
    measure: &Measure,
) -> AveragePrecision {
    let mut classes: BTreeMap<u32, BTreeMap<u32, Picture>> = BTreeMap::new();
    for truth in truths {
        let pictures = classes.entry(truth.class).or_default();
        pictures
            .entry(truth.picture)
            .or_default()
            .truths
            .push(*truth);
    }
    for guess in guesses {
        if let Some(pictures) = classes.get_mut(&guess.class) {
            pictures
                .entry(guess.picture)
                .or_default()
                .guesses
                .push(*guess);
        }
    }
    let curves = classes.into_iter().filter_map(|(class, pictures)| {
        let judged: Vec<Judged> = pictures.into_values().map(|p| p.judge(measure)).collect();
        curve(class, &judged)
    });
    AveragePrecision {
        classes: curves.collect(),
    }
}

/// What is of one class in one picture.
#[derive(Default)]
struct Picture {
    truths: Vec<Truth>,
    guesses: Vec<Guess>,
}

/// The boxes of one picture, the best first.
struct Judged {
    /// How many things there are to be found.
    things: usize,
    /// Score, and at each overlap what it is.
    boxes: Vec<(f64, [Verdict; OVERLAPS])>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Right,
    Wrong,
    /// Does not count.
    Ignored,
}

impl Picture {
    fn judge(mut self, measure: &Measure) -> Judged {
        let counts = |area: f64| (measure.areas[0]..=measure.areas[1]).contains(&area);
        let is_ignored = |truth: &Truth| truth.crowd || truth.ignored || !counts(truth.area);
        // What has to be found comes first; the sorts keep what is alike in order.
        self.truths.sort_by_key(is_ignored);
        self.guesses.sort_by(|a, b| descending(a.score, b.score));
        self.guesses.truncate(MOST);
        let things = self
            .truths
            .iter()
            .filter(|truth| !is_ignored(truth))
            .count();

        let mut found = [const { Vec::new() }; OVERLAPS];
        for found in &mut found {
            found.resize(self.truths.len(), false);
        }
        let boxes = self.guesses.iter().map(|guess| {
            let overlaps: Vec<f64> = self.truths.iter().map(|t| overlap(guess, t)).collect();
            let verdicts = std::array::from_fn(|i| {
                match best(&self.truths, &overlaps, &found[i], things, least_overlap(i)) {
                    Some(best) => {
                        found[i][best] = true;
                        if best < things {
                            Verdict::Right
                        } else {
                            Verdict::Ignored
                        }
                    }
                    None if counts(area(guess.bbox)) => Verdict::Wrong,
                    None => Verdict::Ignored,
                }
            });
            (guess.score, verdicts)
        });
        Judged {
            boxes: boxes.collect(),
            things,
        }
    }
}

/// The overlap from which on a box is right, rounded as COCO's is.
fn least_overlap(index: usize) -> f64 {
    let step = (MOST_OVERLAP - LEAST_OVERLAP) / (OVERLAPS - 1) as f64;
    LEAST_OVERLAP + step * index as f64
}

/// What a box shows: of the things that are not taken the one that it overlaps
/// most, the last of equals; one that need not be found only if there is no
/// other. The first `things` have to be found.
fn best(
    truths: &[Truth],
    overlaps: &[f64],
    taken: &[bool],
    things: usize,
    least: f64,
) -> Option<usize> {
    let (mut best, mut most) = (None, least);
    for (i, &overlap) in overlaps.iter().enumerate() {
        if taken[i] && !truths[i].crowd {
            continue;
        }
        if i >= things && best.is_some_and(|best| best < things) {
            break;
        }
        if overlap >= most {
            (best, most) = (Some(i), overlap);
        }
    }
    best
}

/// `None` if there is nothing to be found.
fn curve(class: u32, judged: &[Judged]) -> Option<Curve> {
    let things: usize = judged.iter().map(|picture| picture.things).sum();
    if things == 0 {
        return None;
    }
    let mut boxes: Vec<_> = judged.iter().flat_map(|picture| &picture.boxes).collect();
    boxes.sort_by(|a, b| descending(a.0, b.0));
    let precisions: [[f64; RECALLS]; OVERLAPS] =
        std::array::from_fn(|i| precision(things, boxes.iter().map(|(_, verdicts)| verdicts[i])));
    let mean = |precision: &[f64; RECALLS]| precision.iter().sum::<f64>() / RECALLS as f64;
    Some(Curve {
        class,
        things,
        precision: precisions[0],
        ap_50: mean(&precisions[0]),
        ap: precisions.iter().map(mean).sum::<f64>() / OVERLAPS as f64,
    })
}

/// Precision at each share of the things.
fn precision(things: usize, verdicts: impl Iterator<Item = Verdict>) -> [f64; RECALLS] {
    let (mut right, mut wrong) = (0u32, 0u32);
    let mut points: Vec<(f64, f64)> = verdicts
        .filter(|verdict| *verdict != Verdict::Ignored)
        .map(|verdict| {
            right += u32::from(verdict == Verdict::Right);
            wrong += u32::from(verdict == Verdict::Wrong);
            let share = f64::from(right) / things as f64;
            (share, f64::from(right) / f64::from(right + wrong))
        })
        .collect();
    // The best of this share or a greater one.
    let mut best: f64 = 0.0;
    for (_, precision) in points.iter_mut().rev() {
        best = best.max(*precision);
        *precision = best;
    }
    std::array::from_fn(|hundredths| {
        // Rounded as COCO's are.
        let share = (hundredths as f64 * 0.01).min(1.0);
        let first = points.partition_point(|point| point.0 < share);
        points.get(first).map_or(0.0, |point| point.1)
    })
}

/// Intersection over union; of a crowd, over the box alone.
fn overlap(guess: &Guess, truth: &Truth) -> f64 {
    let (a, b) = (guess.bbox, truth.bbox);
    let shared = |k: usize| (a[k + 2].min(b[k + 2]) - a[k].max(b[k])).max(0.0);
    let both = shared(0) * shared(1);
    let either = if truth.crowd {
        area(a)
    } else {
        area(a) + area(b) - both
    };
    if both > 0.0 { both / either } else { 0.0 }
}

fn area([x_min, y_min, x_max, y_max]: [f64; 4]) -> f64 {
    (x_max - x_min) * (y_max - y_min)
}

fn descending(a: f64, b: f64) -> Ordering {
    b.total_cmp(&a)
}
