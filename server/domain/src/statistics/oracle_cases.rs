//! Compares one case of an oracle file with this module. Shared by the tests and by
//! `--example oracle`; the parent module says where the functions live (`v`).

use super::v::{distributions as d, proportions, sequential, stratified};
use serde_json::Value;

/// A figure of the oracle and ours. An undefined figure of the oracle must be undefined here too.
pub type Pair = (Option<f64>, Option<f64>);

/// The name of a function and the pairs to compare; `None` when this module has no such function.
pub fn compare(oracle: &str, case: &Value) -> Option<Vec<(String, Vec<Pair>)>> {
    let (input, output) = (&case["in"], &case["out"]);
    let name = |f: &str| f.to_owned();
    match oracle {
        "wilson" => {
            let z = d::normal_quantile(1.0 - num(&input["alpha"])? / 2.0);
            let got = proportions::wilson(num(&input["x"])?, num(&input["n"])?, z);
            Some(vec![(name("wilson"), ends(&output["wilson"], got))])
        }
        "two_proportions" => {
            let (x1, n1) = (num(&input["x1"])?, num(&input["n1"])?);
            let (x2, n2) = (num(&input["x2"])?, num(&input["n2"])?);
            Some(vec![
                (
                    name("newcombe"),
                    ends(
                        &output["ci_diff_newcomb"],
                        proportions::newcombe(x1, n1, x2, n2, proportions::Z95),
                    ),
                ),
                (
                    name("pooled_z"),
                    ends(
                        &output["ztest_pooled_two-sided"],
                        proportions::pooled_z(x1, n1, x2, n2),
                    ),
                ),
            ])
        }
        "mantel_haenszel" => {
            let strata = input["strata"].as_array()?;
            let side = |x: usize, n: usize| -> Vec<stratified::Share> {
                strata
                    .iter()
                    .filter_map(|s| {
                        Some(stratified::Share {
                            n: num(&s[n])?,
                            s: num(&s[x])?,
                        })
                    })
                    .collect()
            };
            let c = stratified::share_difference(&side(2, 3), &side(0, 1), 1.0);
            let chi = c.and_then(|c| c.z()).map(|z| z * z);
            Some(vec![
                (
                    name("mh_risk_difference"),
                    vec![(num(&output["R"]["rd"]), c.map(|c| c.delta))],
                ),
                (
                    name("cmh_chi2"),
                    vec![(num(&output["cmh_chi2_nocc"][0]), chi)],
                ),
            ])
        }
        "mh_rate_ratio" => {
            let strata = input["strata"].as_array()?;
            let side = |y: usize, t: usize| -> Vec<stratified::Rate> {
                strata
                    .iter()
                    .filter_map(|s| {
                        Some(stratified::Rate {
                            y: num(&s[y])?,
                            t: num(&s[t])?,
                        })
                    })
                    .collect()
            };
            let c = stratified::rate_ratio(&side(2, 3), &side(0, 1), 1.0);
            Some(vec![(
                name("mh_rate_ratio"),
                vec![
                    (num(&output["lnrr"]), c.map(|c| c.delta)),
                    (num(&output["se"]), c.map(|c| c.variance.sqrt())),
                ],
            )])
        }
        "poisson_rates" => {
            let get = |f: &str| num(&input[f]);
            let (y1, t1, y2, t2) = (
                get("count1")?,
                get("exposure1")?,
                get("count2")?,
                get("exposure2")?,
            );
            Some(vec![(
                name("poisson_score"),
                ends(
                    &output["test_score"],
                    proportions::poisson_score(y1, t1, y2, t2),
                ),
            )])
        }
        // `power.prop.test` of R is the textbook formula; the other figures use other variances.
        "sample_size_2p" if num(&output["R_power.prop.test_n"]).is_some() => {
            let get = |f: &str| num(&input[f]);
            let got = proportions::sample_size(
                get("p_before")?,
                get("diff")?,
                get("power")?,
                get("alpha")?,
            );
            Some(vec![(name("sample_size"), vec![(num(&output["n1"]), got)])])
        }
        "group_sequential_bounds" => {
            let t: Vec<f64> = input["t"].as_array()?.iter().filter_map(num).collect();
            let got = sequential::boundaries(&t, num(&input["alpha"])? / 2.0, num(&input["rho"])?);
            let want = output["bounds"].as_array()?;
            let pairs = want
                .iter()
                .zip(got)
                .map(|(w, g)| (num(w), Some(g)))
                .collect();
            Some(vec![(name("boundaries"), pairs)])
        }
        "distributions" => {
            let f = input["f"].as_str()?;
            let a: Vec<f64> = input["args"].as_array()?.iter().filter_map(num).collect();
            let got = match (f, a.as_slice()) {
                ("norm_cdf", &[x]) => d::normal_cdf(x),
                ("norm_ppf", &[p]) => d::normal_quantile(p),
                ("beta_cdf", &[x, a, b]) => d::beta_cdf(x, a, b),
                ("beta_ppf", &[p, a, b]) => d::beta_quantile(p, a, b),
                ("gamma_ppf", &[p, shape, scale]) => d::gamma_quantile(p, shape, 1.0 / scale),
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "whole counts of the oracle"
                )]
                ("binom_cdf", &[k, n, p]) => d::binomial_cdf(k as u64, n as u64, p),
                _ => return None,
            };
            Some(vec![(f.to_owned(), vec![(num(output), Some(got))])])
        }
        _ => None,
    }
}

/// The tolerance of a file: relative, except where it says absolute.
pub fn tolerance(oracle: &str) -> (f64, bool) {
    match oracle {
        "group_sequential_bounds" => (3e-3, true),
        "mh_rate_ratio" | "poisson_rates" => (1e-7, false),
        "sample_size_2p" => (1e-6, false),
        "distributions" => (1e-9, false),
        _ => (1e-8, false),
    }
}

/// How far the two are apart; infinite when only one of them is defined.
pub fn error(pair: Pair, absolute: bool) -> f64 {
    match pair {
        // A library's rounding dust where the exact answer is 0.
        (Some(want), Some(got))
            if absolute || want == 0.0 || (got == 0.0 && want.abs() < 1e-15) =>
        {
            (want - got).abs()
        }
        (Some(want), Some(got)) => ((want - got) / want).abs(),
        (None, None) => 0.0,
        _ => f64::INFINITY,
    }
}

fn num(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) if text == "inf" => Some(f64::INFINITY),
        Value::String(text) if text == "-inf" => Some(f64::NEG_INFINITY),
        other => other.as_f64(),
    }
}

fn ends(want: &Value, got: Option<(f64, f64)>) -> Vec<Pair> {
    vec![
        (num(&want[0]), got.map(|g| g.0)),
        (num(&want[1]), got.map(|g| g.1)),
    ]
}
