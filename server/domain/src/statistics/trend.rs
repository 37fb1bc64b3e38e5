//! A straight line through weekly values.

use super::distributions::student_sf;

/// The line of least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Rise per unit of x.
    pub slope: f64,
    /// Value at x = 0.
    pub intercept: f64,
    /// Standard error of the slope; `None` with fewer than three points.
    pub se: Option<f64>,
    /// Two-sided p-value of "no slope"; `None` with fewer than three points, or when the points lie
    /// exactly on the line.
    pub p: Option<f64>,
}

/// Ordinary least squares through `(x, y)`. `None` with fewer than two different x.
///
/// As `linregress` of scipy.
#[must_use]
pub fn line(points: &[(f64, f64)]) -> Option<Line> {
    let n = count(points.len());
    if points.len() < 2 || points.iter().any(|p| !p.0.is_finite() || !p.1.is_finite()) {
        return None;
    }
    let (sx, sy) = points
        .iter()
        .fold((0.0, 0.0), |(a, b), p| (a + p.0, b + p.1));
    let (mx, my) = (sx / n, sy / n);
    let (mut xx, mut xy) = (0.0, 0.0);
    for (x, y) in points {
        xx += (x - mx).powi(2);
        xy += (x - mx) * (y - my);
    }
    if xx <= 0.0 {
        return None;
    }
    let slope = xy / xx;
    let intercept = my - slope * mx;
    let rest: f64 = points
        .iter()
        .map(|(x, y)| (y - my - slope * (x - mx)).powi(2))
        .sum();
    let se = (points.len() > 2).then(|| (rest / (n - 2.0) / xx).sqrt());
    Some(Line {
        slope,
        intercept,
        se,
        p: se
            .filter(|se| *se > 0.0)
            .map(|se| 2.0 * student_sf((slope / se).abs(), n - 2.0)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a number of weeks")]
const fn count(n: usize) -> f64 {
    n as f64
}
