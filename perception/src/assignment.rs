//! Which of some belongs to which of others, so that all together agree best
//! (Kuhn, "The Hungarian method for the assignment problem", 1955; Munkres,
//! "Algorithms for the assignment and transportation problems", 1957).

use pathfinding::kuhn_munkres::{Weights, kuhn_munkres};

/// Steps of a score in one: scores are added as integers, so that no sum
/// depends on rounding.
const STEPS: f64 = (1u64 << 36) as f64;
/// No score counts for more.
const MOST: f64 = 2_000.0;

/// For each of `rows` which of `columns` it goes with, if any, each with one at
/// most, so that the sum of the scores is the greatest. A score counts in steps
/// of 2⁻³⁶ and up to 2,000; two whose score is not above zero never go together.
/// Where costs are known and a gate above them, `gate − cost` is a score.
pub(crate) fn assign(
    rows: usize,
    columns: usize,
    score: impl Fn(usize, usize) -> f64,
) -> Vec<Option<usize>> {
    if rows == 0 || columns == 0 {
        return vec![None; rows];
    }
    // The algorithm gives every row a column. A cast takes NaN to zero.
    let is_tall = rows > columns;
    let (short, long) = (rows.min(columns), rows.max(columns));
    let mut scores = Scores {
        rows: short,
        columns: long,
        steps: Vec::with_capacity(short * long),
    };
    for i in 0..short {
        for j in 0..long {
            let score = if is_tall { score(j, i) } else { score(i, j) };
            scores.steps.push((score.clamp(0.0, MOST) * STEPS) as i64);
        }
    }
    let (_, columns_of_rows) = kuhn_munkres(&scores);
    let mut assigned = vec![None; rows];
    for (i, &j) in columns_of_rows.iter().enumerate() {
        if scores.at(i, j) > 0 {
            let (row, column) = if is_tall { (j, i) } else { (i, j) };
            assigned[row] = Some(column);
        }
    }
    assigned
}

/// Scores in steps, row by row.
struct Scores {
    rows: usize,
    columns: usize,
    steps: Vec<i64>,
}

impl Weights<i64> for Scores {
    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn at(&self, row: usize, column: usize) -> i64 {
        self.steps[row * self.columns + column]
    }

    fn neg(&self) -> Self {
        Self {
            steps: self.steps.iter().map(|step| -step).collect(),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The greatest sum of any assignment.
    fn greatest(scores: &[Vec<f64>], row: usize, taken: &mut [bool]) -> f64 {
        let Some(of_row) = scores.get(row) else {
            return 0.0;
        };
        let mut best = greatest(scores, row + 1, taken);
        for (column, &score) in of_row.iter().enumerate() {
            if !taken[column] && score > 0.0 {
                taken[column] = true;
                best = best.max(score + greatest(scores, row + 1, taken));
                taken[column] = false;
            }
        }
        best
    }

    fn scores() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let score = prop_oneof![
            -1.0..1.0f64,
            Just(0.5),
            Just(f64::NAN),
            Just(-f64::INFINITY)
        ];
        (0..6usize, 0..6usize).prop_flat_map(move |(rows, columns)| {
            prop::collection::vec(prop::collection::vec(score.clone(), columns), rows)
        })
    }

    proptest! {
        #[test]
        fn no_assignment_scores_more(scores in scores()) {
            let columns = scores.first().map_or(0, Vec::len);
            let assigned = assign(scores.len(), columns, |i, j| scores[i][j]);
            let mut taken = vec![false; columns];
            let mut sum = 0.0;
            for (row, column) in assigned.iter().enumerate() {
                if let &Some(column) = column {
                    prop_assert!(!std::mem::replace(&mut taken[column], true));
                    prop_assert!(scores[row][column] > 0.0);
                    sum += scores[row][column];
                }
            }
            let wanted = greatest(&scores, 0, &mut vec![false; columns]);
            prop_assert!((sum - wanted).abs() < 1e-9, "{sum}, not {wanted}");
        }
    }

    #[test]
    fn a_thousand_of_the_greatest_scores_do_not_overflow() {
        let assigned = assign(300, 1_000, |_, _| f64::MAX);
        assert!(assigned.iter().all(Option::is_some));
    }
}
