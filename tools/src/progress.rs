//! The progress bar.

use indicatif::{ProgressBar, ProgressStyle};

/// Counts frames, with their rate and the time left. Shown only where stderr
/// is a terminal.
pub(crate) fn bar(frames: usize) -> ProgressBar {
    let bar = ProgressBar::new(frames as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} frames {per_sec} {eta}") {
        bar.set_style(style);
    }
    bar
}
