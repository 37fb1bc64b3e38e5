//! Compares one case of an oracle file with this module. Shared by the tests and by
//! `--example oracle`; the parent module says where the functions live (`v`).
//!
//! A file is `{oracle, what, calls, versions, tolerance, notes, cases: [{in, out}]}`; `null` is an
//! undefined result of the library and `"inf"` an infinite one. An undefined result must be
//! undefined here too (`None`); infinite counts as undefined. Where a library's figure is known to be
//! no result at all, or the specification decides otherwise, the figure is *set aside* with the
//! reason, counted and printed, and never compared in silence.

use super::v::{
    confidence_sequence, cusum, distributions as d, means, multiplicity, proportions, rates,
    sample_size, sequential, stratified, tables, trend,
};
use serde_json::Value;

/// A figure of the oracle and ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The oracle's; `None` = undefined.
    pub want: Option<f64>,
    /// Ours.
    pub got: Option<f64>,
    /// Differences up to this size are the library's rounding: where it takes 1 − cdf, or where an
    /// exact 0 comes out as dust.
    pub dust: f64,
    /// Why the figure is not compared.
    pub aside: Option<&'static str>,
}

/// The figures of one function in one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The function's name in the table. It may hold words of the tolerance's clauses, such as
    /// `score interval` or `ppf`.
    pub function: String,
    /// What is compared.
    pub figures: Vec<Figure>,
}

const NO_TEST: &str = "the specification has no test where neither side varies";
const NOT_FOUND: &str = "the library's root search found nothing";
const OUTSIDE: &str = "the library's root leaves 0–1, where a share cannot be";
const NO_ROOT: &str = "rounding takes the library's cosine out of -1 to 1";
const ALIKE: &str =
    "a stratum whose answers are all alike is 0/0 in the library and adds nothing here";
const ONE_STRATUM: &str = "one stratum cannot disagree with itself";
const NO_RATIO: &str = "the pooled ratio is 0, infinite or undefined: it has no logarithm";
const NO_VARIANCE: &str = "no variance: nothing to test";
const NO_START: &str = "the library's search has no starting point without contacts on a side";
const NO_LOW: &str =
    "the library's search never leaves its starting point: the lower end of no contacts is 0";
const NOTHING: &str = "nothing to compare: no contact on either side";

/// Files whose method Bihuan does not use: kept for comparison with other systems only.
pub fn comparison_only(oracle: &str) -> bool {
    matches!(oracle, "ears" | "farrington_weekly")
}

/// Figures of a file that are left out, because nothing in the specification uses them.
pub fn left_out(oracle: &str) -> &'static str {
    match oracle {
        "wilson" => "jeffreys, beta, agresti_coull",
        "two_proportions" => "wald",
        "poisson_rates" => "score-log, sqrt, sqrtcc, mover, diff intervals",
        _ => "",
    }
}

/// The comparisons of one case; `None` when this module has no such function or cannot read the case.
pub fn compare(oracle: &str, case: &Value) -> Option<Vec<Comparison>> {
    let (input, output) = (&case["in"], &case["out"]);
    let get = |name: &str| num(&input[name]);
    Some(match oracle {
        "wilson" => {
            let z = z_of(get("alpha")?);
            let got = proportions::wilson(get("x")?, get("n")?, z);
            vec![function("wilson", ends(&output["wilson"], got))]
        }
        "two_proportions" => {
            two_proportions(output, get("x1")?, get("n1")?, get("x2")?, get("n2")?)
        }
        "score_test_margin" => {
            let (x1, n1, x2, n2) = (get("x1")?, get("n1")?, get("x2")?, get("n2")?);
            let margin = get("value")?;
            let z = proportions::score_z(x1, n1, x2, n2, margin);
            let figures = vec![
                one(&output["stat"], z),
                chance(&output["p"], z.map(d::normal_sf)),
            ];
            let (aside, why) = if output["stat"].is_null() && z.is_some() {
                (true, NO_ROOT)
            } else {
                (leaves(x1, n1, x2, n2, margin), OUTSIDE)
            };
            vec![function("score_margin", aside_if(figures, aside, why))]
        }
        "ratings" => ratings(
            output,
            &list(&input["ratings_after"])?,
            &list(&input["ratings_before"])?,
        ),
        "welch_from_stats" => {
            let sample = |i: usize| {
                Some(means::Sample {
                    n: get(&format!("n{i}"))?,
                    mean: get(&format!("mean{i}"))?,
                    variance: get(&format!("sd{i}"))?.powi(2),
                })
            };
            let (first, second) = (sample(1)?, sample(2)?);
            let got = means::welch(first, second);
            let constant = first.variance + second.variance == 0.0;
            let figures = vec![
                one(&output["t"], got.map(|w| w.t)),
                chance(&output["p"], got.map(|w| w.p)),
            ];
            vec![function("welch", aside_if(figures, constant, NO_TEST))]
        }
        "poisson_one" => poisson_one(output, get("count")?, get("exposure")?),
        "poisson_rates" => poisson_rates(
            output,
            get("count1")?,
            get("exposure1")?,
            get("count2")?,
            get("exposure2")?,
        ),
        "mh_rate_ratio" => mh_rate_ratio(input, output)?,
        "mantel_haenszel" => mantel_haenszel(input, output)?,
        "direct_standardisation" => {
            let (x, n, w) = (
                list(&input["x"])?,
                list(&input["n"])?,
                list(&input["standard"])?,
            );
            let strata: Vec<_> = x
                .into_iter()
                .zip(n)
                .zip(w)
                .map(|((x, n), w)| (x, n, w))
                .collect();
            let got = rates::standardise(&strata, 0.05);
            vec![function(
                "standardise",
                vec![
                    one(&output["est"], got.map(|g| g.rate)),
                    one(&output["lower"], got.map(|g| g.low)),
                    one(&output["upper"], got.map(|g| g.high)),
                ],
            )]
        }
        "sample_size_2p" => {
            let (before, difference) = (get("p_before")?, get("diff")?);
            let (power, alpha) = (get("power")?, get("alpha")?);
            let ratio = get("ratio").unwrap_or(1.0);
            let n = sample_size::two_shares(before, difference, power, alpha, ratio);
            // The library's own n enters its check, so that one error is not counted twice.
            let check = num(&output["n1"])
                .and_then(|n| sample_size::power_two_shares(before, difference, n, alpha, ratio));
            let arcsine = sample_size::two_shares_arcsine(before, difference, power, alpha, ratio);
            let mut all = vec![
                function("two_shares", vec![one(&output["n1"], n)]),
                function(
                    "power_two_shares",
                    vec![chance(&output["power_check"], check)],
                ),
                function(
                    "two_shares_arcsine",
                    vec![one(&output["n1_arcsine"], arcsine)],
                ),
            ];
            // R knows equal sides only; there it is null.
            if ratio == 1.0 {
                all.push(function(
                    "two_shares (R)",
                    vec![one(&output["R_power.prop.test_n"], n)],
                ));
            }
            all
        }
        "power_rates" => {
            let rates = sample_size::Rates {
                first: get("rate1")?,
                second: get("rate2")?,
                days: get("nobs2")?,
                ratio: get("nobs_ratio")?,
            };
            vec![
                function(
                    "power_rate_below",
                    vec![chance(
                        &output["power_poisson"],
                        // The library's margin, unless stated, is 0.
                        sample_size::power_rate_below(rates, 0.0, 1.0, 0.05),
                    )],
                ),
                function(
                    "power_two_rates",
                    vec![chance(
                        &output["power_negbin"],
                        sample_size::power_two_rates(rates, get("dispersion")?, 0.05),
                    )],
                ),
            ]
        }
        "benjamini_hochberg" => {
            let p = list(&input["p"])?;
            let bh = multiplicity::benjamini_hochberg(&p);
            let q = get("q").unwrap_or(0.1);
            let reject: Vec<f64> = bh.iter().map(|p| f64::from(*p <= q)).collect();
            vec![
                function("benjamini_hochberg", each(&output["bh_adjusted"], &bh)),
                function("benjamini_hochberg q", each(&output["bh_reject"], &reject)),
                function("benjamini_hochberg (scipy)", each(&output["scipy_bh"], &bh)),
                function(
                    "benjamini_yekutieli",
                    each(
                        &output["by_adjusted"],
                        &multiplicity::benjamini_yekutieli(&p),
                    ),
                ),
                function(
                    "holm",
                    each(&output["holm_adjusted"], &multiplicity::holm(&p)),
                ),
            ]
        }
        "distributions" => distribution(input, output)?,
        "did_2x2" => did_2x2(input, output)?,
        "dispersion" => {
            let zip = |a: &str, b: &str| -> Option<Vec<(f64, f64)>> {
                Some(list(&input[a])?.into_iter().zip(list(&input[b])?).collect())
            };
            let shares = rates::share_dispersion(&zip("x", "n")?);
            let counts = rates::rate_dispersion(&zip("y", "exposure")?);
            let pair = |kind: &str, got: Option<rates::Dispersion>| {
                vec![
                    one(&output[format!("{kind}_pearson_chi2")], got.map(|g| g.chi2)),
                    one(&output[format!("{kind}_phi")], got.map(|g| g.factor)),
                ]
            };
            vec![
                function("share_dispersion", pair("binomial", shares)),
                function("rate_dispersion", pair("poisson", counts)),
            ]
        }
        "trend" => {
            let points: Vec<_> = list(&input["x"])?
                .into_iter()
                .zip(list(&input["y"])?)
                .collect();
            let got = trend::line(&points);
            vec![function(
                "line",
                vec![
                    one(&output["slope"], got.map(|l| l.slope)),
                    one(&output["intercept"], got.map(|l| l.intercept)),
                    one(&output["stderr"], got.and_then(|l| l.se)),
                    chance(&output["p"], got.and_then(|l| l.p)),
                ],
            )]
        }
        "cs_bernoulli_ville" => {
            let stream: Vec<f64> = input["x"]
                .as_str()?
                .bytes()
                .map(|b| f64::from(b == b'1'))
                .collect();
            let prior = list(&input["prior"])?;
            let (mut low, mut high) = (Vec::new(), Vec::new());
            for at in list(&input["at"])? {
                let mut seen = 0.0;
                let mut s = 0.0;
                for x in stream.iter().take_while(|_| {
                    seen += 1.0;
                    seen <= at
                }) {
                    s += x;
                }
                let (l, h) = confidence_sequence::share_beta_mixture(
                    s,
                    at,
                    get("alpha")?,
                    (*prior.first()?, *prior.get(1)?),
                )?;
                low.push(l);
                high.push(h);
            }
            let mut figures = each(&output["lower"], &low);
            figures.extend(each(&output["upper"], &high));
            vec![function("share_beta_mixture", figures)]
        }
        "cs_bernoulli_confseq" => {
            let got = confidence_sequence::share_sub_bernoulli(
                get("s")?,
                get("n")?,
                get("alpha")?,
                get("t_opt")?,
                0.05,
            );
            vec![function(
                "share_sub_bernoulli",
                vec![
                    one(&output["lower"], got.map(|g| g.0)),
                    one(&output["upper"], got.map(|g| g.1)),
                ],
            )]
        }
        "cs_normal_mixture" => {
            let (v, alpha, best) = (get("v")?, get("alpha")?, get("v_opt")?);
            let one_sided = input["one_sided"].as_bool()?;
            let got = if one_sided {
                confidence_sequence::tuning(best, 2.0 * alpha)
                    .and_then(|rho| confidence_sequence::normal_mixture_one_sided(v, alpha, rho))
            } else {
                confidence_sequence::tuning(best, alpha)
                    .and_then(|rho| confidence_sequence::normal_mixture(v, alpha, rho))
            };
            let name = if one_sided {
                "normal_mixture_one_sided"
            } else {
                "normal_mixture"
            };
            vec![function(name, vec![one(&output["bound"], got)])]
        }
        "cs_growthbook" => {
            let got = confidence_sequence::two_shares(
                get("x1")?,
                get("n1")?,
                get("x2")?,
                get("n2")?,
                get("alpha")?,
                get("n_star")?,
            );
            vec![
                function(
                    "two_shares",
                    vec![
                        one(&output["diff"], got.map(|g| g.difference)),
                        one(&output["variance"], got.map(|g| g.variance)),
                        one(&output["ci"][0], got.map(|g| g.low)),
                        one(&output["ci"][1], got.map(|g| g.high)),
                    ],
                ),
                function(
                    "two_shares p",
                    vec![chance(&output["p_value"], got.map(|g| g.p))],
                ),
            ]
        }
        "cusum_binomial" => {
            let (x, n) = (list(&input["x"])?, list(&input["n"])?);
            let shift = cusum::ShareShift::between(get("p0")?, get("p1")?);
            let increments = x.iter().zip(&n).map(|(x, n)| shift.increment(*n, *x));
            vec![course("share cusum", output, increments, get("h")?)]
        }
        "cusum_negbin" => {
            let y = list(&input["y"])?;
            let (mu, ln, line) = (get("mu0")?, get("theta")?, get("c")?);
            let kinds = [("poisson", 0.0), ("negbin", get("alpha_nb")?)];
            kinds
                .iter()
                .map(|(kind, dispersion)| {
                    let shift = cusum::CountShift::new(mu, libm::exp(ln), ln, *dispersion);
                    let increments = y.iter().map(|y| shift.increment(*y));
                    course(
                        &format!("count cusum {kind}"),
                        &output[kind],
                        increments,
                        line,
                    )
                })
                .collect()
        }
        "cusum_arl" => {
            let got = cusum::run_length(get("mu")? - get("k")?, 1.0, get("h")?);
            vec![function("run_length", vec![one(output, Some(got))])]
        }
        "group_sequential_bounds" => {
            let t = list(&input["t"])?;
            let got = sequential::boundaries(&t, get("alpha")? / 2.0, get("rho")?);
            vec![function("boundaries", each(&output["bounds"], &got))]
        }
        _ => return None,
    })
}

/// The running sum of every day, starting again at 0 after an alarm, and the alarms.
fn course(
    name: &str,
    output: &Value,
    increments: impl Iterator<Item = f64>,
    line: f64,
) -> Comparison {
    let (mut s, mut values, mut alarms) = (0.0, Vec::new(), Vec::new());
    for increment in increments {
        s = cusum::step(s, increment);
        let alarm = s > line;
        values.push(s);
        alarms.push(f64::from(alarm));
        if alarm {
            s = 0.0;
        }
    }
    let mut figures = each(&output["value"], &values);
    figures.extend(each(&output["alarm"], &alarms));
    function(name, figures)
}

fn two_proportions(output: &Value, x1: f64, n1: f64, x2: f64, n2: f64) -> Vec<Comparison> {
    let z95 = proportions::Z95;
    let score = proportions::score_z(x1, n1, x2, n2, 0.0);
    let pooled = proportions::pooled_z(x1, n1, x2, n2);
    let library = &output["ci_diff_score"];
    let aside = if library.is_null() {
        Some(NOT_FOUND)
    } else {
        [0, 1]
            .iter()
            .filter_map(|i| num(&library[i]))
            .any(|margin| leaves(x1, n1, x2, n2, margin))
            .then_some(OUTSIDE)
    };
    vec![
        function(
            "newcombe",
            ends(
                &output["ci_diff_newcomb"],
                proportions::newcombe(x1, n1, x2, n2, z95),
            ),
        ),
        function(
            "score interval",
            aside_if(
                ends(
                    &output["ci_diff_score"],
                    proportions::score_interval(x1, n1, x2, n2, z95),
                ),
                aside.is_some(),
                aside.unwrap_or_default(),
            ),
        ),
        function(
            "agresti_caffo",
            ends(
                &output["ci_diff_agresti-caffo"],
                proportions::agresti_caffo(x1, n1, x2, n2, z95),
            ),
        ),
        function(
            "score_z",
            vec![
                one(&output["score_test_mn"][0], score),
                chance(
                    &output["score_test_mn"][1],
                    score.map(|z| 2.0 * d::normal_sf(z.abs())),
                ),
            ],
        ),
        function(
            "pooled_z",
            vec![
                one(&output["ztest_pooled_two-sided"][0], pooled.map(|z| z.0)),
                chance(&output["ztest_pooled_two-sided"][1], pooled.map(|z| z.1)),
                one(&output["score_test_nocorr"][0], pooled.map(|z| z.0)),
                chance(&output["score_test_nocorr"][1], pooled.map(|z| z.1)),
                chance(
                    &output["ztest_pooled_larger"][1],
                    pooled.map(|z| d::normal_sf(z.0)),
                ),
            ],
        ),
        function(
            "fisher",
            vec![chance(
                &output["fisher_p"],
                proportions::fisher(x1, n1, x2, n2),
            )],
        ),
    ]
}

/// Whether the closed form that the library takes unchecked gives a share outside 0–1.
fn leaves(x1: f64, n1: f64, x2: f64, n2: f64, margin: f64) -> bool {
    let second = proportions::restricted(x1, n1, x2, n2, margin);
    [second, second + margin]
        .iter()
        .any(|p| !(-1e-9..=1.0 + 1e-9).contains(p))
}

fn ratings(output: &Value, after: &[f64], before: &[f64]) -> Vec<Comparison> {
    let (first, second) = (
        means::Sample::of_ratings(after),
        means::Sample::of_ratings(before),
    );
    let welch = first.zip(second).and_then(|(a, b)| means::welch(a, b));
    let constant = first
        .zip(second)
        .is_some_and(|(a, b)| a.variance + b.variance == 0.0);
    let ci = welch.map(|w| w.interval(0.05));
    let mwu = means::mann_whitney(after, before);
    let bm = means::brunner_munzel(after, before);
    let sample = |i: usize, s: Option<means::Sample>| {
        // One rating has a mean, but no variance.
        let mean = num(&output[format!("mean{i}")]);
        vec![
            Figure {
                want: mean.filter(|_| s.is_some()),
                got: s.map(|s| s.mean),
                dust: 0.0,
                aside: None,
            },
            one(&output[format!("var{i}")], s.map(|s| s.variance)),
        ]
    };
    let mut of_ratings = sample(1, first);
    of_ratings.extend(sample(2, second));
    let test = vec![
        one(&output["t"], welch.map(|w| w.t)),
        one(&output["df"], welch.map(|w| w.df)),
        chance(&output["p"], welch.map(|w| w.p)),
        one(&output["ci95"][0], ci.map(|c| c.0)),
        one(&output["ci95"][1], ci.map(|c| c.1)),
    ];
    vec![
        function("ratings", of_ratings),
        function("welch", aside_if(test, constant, NO_TEST)),
        function(
            "mann_whitney",
            vec![
                one(&output["mwu"][0], mwu.map(|m| m.u)),
                chance(&output["mwu"][1], mwu.and_then(|m| m.p)),
                chance(&output["mwu_greater_p"], mwu.map(|m| m.p_greater)),
                one(&output["prob_superiority"], mwu.map(|m| m.superiority)),
            ],
        ),
        function(
            "brunner_munzel",
            vec![
                one(&output["brunner_munzel"][0], bm.map(|b| b.0)),
                chance(&output["brunner_munzel"][1], bm.map(|b| b.1)),
            ],
        ),
    ]
}

fn poisson_one(output: &Value, y: f64, t: f64) -> Vec<Comparison> {
    let mut mid = ends(&output["midp-c"], rates::mid_p_interval(y, t, 0.05));
    if y == 0.0 {
        mid[0].aside = Some(NO_LOW);
    }
    vec![
        function(
            "exact_interval",
            ends(&output["exact-c"], rates::exact_interval(y, t, 0.05)),
        ),
        function(
            "score_interval",
            ends(&output["score"], rates::score_interval(y, t, 0.05)),
        ),
        function("mid_p_interval", mid),
        function(
            "jeffreys_interval",
            ends(&output["jeff"], rates::jeffreys_interval(y, t, 0.05)),
        ),
    ]
}

fn poisson_rates(output: &Value, y1: f64, t1: f64, y2: f64, t2: f64) -> Vec<Comparison> {
    let exact = rates::exact_rates(y1, t1, y2, t2, 0.05);
    let r = &output["R_poisson.test"];
    let one_sided = y1 == 0.0 || y2 == 0.0;
    let mut all = vec![
        function(
            "exact_rates",
            vec![chance(&output["test_exact-cond"][1], exact.map(|e| e.p))],
        ),
        function(
            "exact_rates mid_p",
            vec![Figure {
                // p minus half a probability: the smallest are the library's rounding, even negative.
                dust: 1e-200,
                ..chance(&output["test_cond-midp"][1], exact.map(|e| e.mid_p))
            }],
        ),
        function(
            "exact_rates (R)",
            aside_if(
                vec![
                    chance(&r["p"], exact.map(|e| e.p)),
                    one(&r["ci"][0], exact.map(|e| e.low)),
                    one(&r["ci"][1], exact.map(|e| e.high)),
                ],
                y1 + y2 == 0.0,
                NOTHING,
            ),
        ),
        function(
            "poisson_score",
            test(
                &output["test_score"],
                proportions::poisson_score(y1, t1, y2, t2),
            ),
        ),
        function(
            "wald_log",
            test(&output["test_wald-log"], rates::wald_log(y1, t1, y2, t2)),
        ),
        function(
            "ratio score interval",
            aside_if(
                ends(
                    &output["ci_ratio_score"],
                    rates::score_ratio_interval(y1, t1, y2, t2, proportions::Z95),
                ),
                one_sided,
                NO_START,
            ),
        ),
    ];
    // The library fills a square of counts; where that is too large the file has no such figure.
    let known = &output["test_etest-score"];
    if !known.is_null() {
        all.push(function(
            "E-test",
            test(known, rates::e_test(y1, t1, y2, t2)),
        ));
    }
    all
}

fn mh_rate_ratio(input: &Value, output: &Value) -> Option<Vec<Comparison>> {
    let strata = rows(&input["strata"])?;
    let side = |y: usize, t: usize| -> Vec<stratified::Rate> {
        strata
            .iter()
            .map(|s| stratified::Rate { y: s[y], t: s[t] })
            .collect()
    };
    let got = stratified::rate_ratio(&side(2, 3), &side(0, 1), 1.0).map(|c| tables::Estimate {
        value: c.delta,
        se: c.variance.sqrt(),
    });
    let ci = got.map(|e| e.interval(proportions::Z95));
    Some(vec![function(
        "rate_ratio",
        vec![
            one(&output["lnrr"], got.map(|e| e.value)),
            one(&output["se"], got.map(|e| e.se)),
            one(&output["ci"][0], ci.map(|c| c.0)),
            one(&output["ci"][1], ci.map(|c| c.1)),
            chance(&output["p"], got.and_then(|e| e.p())),
        ],
    )])
}

fn mantel_haenszel(input: &Value, output: &Value) -> Option<Vec<Comparison>> {
    let strata: Vec<tables::Table> = rows(&input["strata"])?
        .iter()
        .map(|s| tables::Table {
            after: s[0],
            n_after: s[1],
            before: s[2],
            n_before: s[3],
        })
        .collect();
    let side = |f: &dyn Fn(&tables::Table) -> (f64, f64)| -> Vec<stratified::Share> {
        strata
            .iter()
            .map(|t| {
                let (s, n) = f(t);
                stratified::Share { n, s }
            })
            .collect()
    };
    let ours = stratified::share_difference(
        &side(&|t| (t.before, t.n_before)),
        &side(&|t| (t.after, t.n_after)),
        1.0,
    );
    let odds = tables::odds_ratio(&strata);
    let odds_ends = odds.map(|e| {
        let (low, high) = e.interval(proportions::Z95);
        (libm::exp(low), libm::exp(high))
    });
    let difference = tables::risk_difference(&strata);
    let plain = tables::cochran_mantel_haenszel(&strata, false);
    let corrected = tables::cochran_mantel_haenszel(&strata, true);
    let equal = tables::breslow_day(&strata);
    let r = &output["R"];
    let without = plain.is_none();
    // 0/0 there, unless rounding leaves something.
    let alike = output["breslow_day"][0].is_null() && equal.is_some();
    let mut cmh = subtracted(&output["cmh_chi2_nocc"], plain);
    if !r["mantelhaen"].is_null() {
        cmh.push(one(&r["mantelhaen"]["chi2"], plain.map(|c| c.0)));
        cmh.push(chance(&r["mantelhaen"]["p"], plain.map(|c| c.1)));
    }
    let mut odds_figures = vec![
        one(&output["or_mh"], odds.map(|e| libm::exp(e.value))),
        one(&output["log_or_se"], odds.map(|e| e.se)),
    ];
    odds_figures.extend(ends(&output["or_mh_ci95"], odds_ends));
    let mut all = vec![
        function(
            "risk_ratio",
            vec![one(&output["rr_mh"], tables::risk_ratio(&strata))],
        ),
        function("cochran_mantel_haenszel", cmh),
        function(
            "share_difference",
            vec![one(
                &output["cmh_chi2_nocc"][0],
                ours.and_then(|c| c.z()).map(|z| z * z),
            )],
        ),
        function(
            "cochran_mantel_haenszel cc",
            aside_if(
                subtracted(&output["cmh_chi2_cc"], corrected),
                without,
                NO_VARIANCE,
            ),
        ),
        function(
            "breslow_day",
            aside_if(
                subtracted(&output["breslow_day"], equal),
                strata.len() < 2 || alike,
                if alike { ALIKE } else { ONE_STRATUM },
            ),
        ),
    ];
    if !r.is_null() {
        odds_figures.push(one(&r["lnor"], odds.map(|e| e.value)));
        odds_figures.push(one(&r["lnor_se"], odds.map(|e| e.se)));
        let mut figures = vec![
            one(&r["rd"], difference.map(|e| e.value)),
            one(&r["rd"], ours.map(|c| c.delta)),
            one(&r["rd_se"], difference.map(|e| e.se)),
        ];
        figures.extend(ends(
            &r["rd_ci"],
            difference.map(|e| e.interval(proportions::Z95)),
        ));
        all.push(function("risk_difference", figures));
    }
    all.push(function(
        "odds_ratio",
        aside_if(odds_figures, odds.is_none(), NO_RATIO),
    ));
    Some(all)
}

fn did_2x2(input: &Value, output: &Value) -> Option<Vec<Comparison>> {
    let table = |name: &str| {
        let before = list(&input[format!("{name}_before")])?;
        let after = list(&input[format!("{name}_after")])?;
        Some(tables::Table {
            after: *after.first()?,
            n_after: *after.get(1)?,
            before: *before.first()?,
            n_before: *before.get(1)?,
        })
    };
    let got = tables::double_difference(table("treated")?, table("control")?);
    let logit = got.and_then(|g| g.logit);
    Some(vec![
        function(
            "double_difference",
            vec![
                one(&output["did_points"], got.map(|g| g.shares.value)),
                one(&output["se"], got.map(|g| g.shares.se)),
            ],
        ),
        function(
            "double_difference logit",
            vec![one(&output["did_logit"], logit.map(|l| l.value))],
        ),
        function(
            "double_difference logit se",
            vec![one(&output["se_logit"], logit.map(|l| l.se))],
        ),
    ])
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole counts of the oracle"
)]
fn distribution(input: &Value, output: &Value) -> Option<Vec<Comparison>> {
    let f = input["f"].as_str()?;
    let a = list(&input["args"])?;
    let got = match (f, a.as_slice()) {
        ("norm_cdf", &[x]) => d::normal_cdf(x),
        ("norm_ppf", &[p]) => d::normal_quantile(p),
        ("t_sf", &[x, df]) => d::student_sf(x, df),
        ("t_ppf", &[p, df]) => d::student_quantile(p, df),
        ("chi2_sf", &[x, df]) => d::chi2_sf(x, df),
        ("beta_cdf", &[x, a, b]) => d::beta_cdf(x, a, b),
        ("beta_ppf", &[p, a, b]) => d::beta_quantile(p, a, b),
        ("gamma_ppf", &[p, shape, scale]) => d::gamma_quantile(p, shape, 1.0 / scale),
        ("gamma_cdf", &[x, shape, scale]) => d::gamma_cdf(x, shape, 1.0 / scale),
        ("binom_cdf", &[k, n, p]) => d::binomial_cdf(k as u64, n as u64, p),
        ("poisson_sf", &[k, mean]) => d::poisson_sf(k as u64, mean),
        ("nbinom_sf", &[k, r, p]) => d::negative_binomial_sf(k as u64, r, p),
        _ => return None,
    };
    Some(vec![function(f, vec![chance(output, Some(got))])])
}

/// The precision of a library where it is worse than the tolerance of its file, with the reason.
pub fn precision(function: &str) -> Option<(f64, &'static str)> {
    match function {
        "mid_p_interval" => Some((
            2e-5,
            "the library minimises the squared distance from alpha and stops short by up to 1e-5",
        )),
        "ratio score interval" => Some((
            5e-5,
            "the library minimises the squared distance from alpha and stops short by up to 2e-5",
        )),
        "double_difference logit se" => Some((
            1e-3,
            "the library's iterations stop early; the closed form is exact",
        )),
        _ => None,
    }
}

/// The tolerance of one function: a number, and whether it is absolute.
pub type Tolerance = (f64, bool);

/// Reads a file's tolerance for one function from its text: the first number is everybody's; a
/// later clause (after a semicolon or an opening bracket) holds for the functions whose name has a
/// word of it. `None` when there is no number.
pub fn tolerance(text: &str, function: &str) -> Option<Tolerance> {
    if let Some((precision, _)) = precision(function) {
        return Some((precision, false));
    }
    let clauses = text.split([';', '(', ':']).map(str::trim);
    let (mut own, mut first) = (None, None);
    // A clause's words may stand before the colon and its number behind it.
    let mut words = String::new();
    for clause in clauses {
        words.push_str(clause);
        words.push(' ');
        let Some(number) = first_number(clause) else {
            continue;
        };
        let found = (number, clause.contains("absolute"));
        let special = ["score interval", "E-test", "ppf"]
            .iter()
            .find(|k| words.contains(**k));
        match special {
            Some(key) if function.contains(*key) => own = Some(found),
            None if first.is_none() => first = Some(found),
            _ => {}
        }
        words.clear();
    }
    own.or(first)
}

fn first_number(text: &str) -> Option<f64> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ')')
        .find_map(|word| match word.strip_suffix('%') {
            Some(percent) => percent.parse::<f64>().ok().map(|p| p / 100.0),
            None => word
                .parse::<f64>()
                .ok()
                .filter(|_| word.starts_with(|c: char| c.is_ascii_digit())),
        })
}

/// How far the two are apart; infinite when only one of them is defined, 0 for what is set aside.
pub fn error(figure: &Figure, absolute: bool) -> f64 {
    if figure.aside.is_some() {
        return 0.0;
    }
    match (finite(figure.want), finite(figure.got)) {
        (Some(want), Some(got)) => {
            let distance = (want - got).abs();
            if distance <= figure.dust {
                0.0
            } else if absolute || want == 0.0 {
                distance
            } else {
                distance / want.abs()
            }
        }
        (None, None) => 0.0,
        _ => f64::INFINITY,
    }
}

/// Not a number stays what it is, so that it fails; infinite is undefined.
fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|v| !v.is_infinite())
}

fn num(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => match text.as_str() {
            "inf" | "Infinity" => Some(f64::INFINITY),
            "-inf" | "-Infinity" => Some(f64::NEG_INFINITY),
            other => other.parse().ok().filter(|v: &f64| !v.is_nan()),
        },
        Value::Bool(b) => Some(f64::from(*b)),
        other => other.as_f64(),
    }
}

fn list(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(num).collect()
}

/// Rows of at least four numbers.
fn rows(value: &Value) -> Option<Vec<Vec<f64>>> {
    value
        .as_array()?
        .iter()
        .map(|row| list(row).filter(|r| r.len() >= 4))
        .collect()
}

fn z_of(alpha: f64) -> f64 {
    d::normal_quantile(1.0 - alpha / 2.0)
}

fn function(name: &str, figures: Vec<Figure>) -> Comparison {
    Comparison {
        function: name.to_owned(),
        figures,
    }
}

/// An estimate: an exact 0 of one may be dust of the other.
fn one(want: &Value, got: Option<f64>) -> Figure {
    Figure {
        want: num(want),
        got,
        dust: 1e-14,
        aside: None,
    }
}

/// A probability, where the smallest count.
fn chance(want: &Value, got: Option<f64>) -> Figure {
    Figure {
        dust: 0.0,
        ..one(want, got)
    }
}

/// Statistic and p-value.
fn test(want: &Value, got: Option<(f64, f64)>) -> Vec<Figure> {
    vec![
        one(&want[0], got.map(|g| g.0)),
        chance(&want[1], got.map(|g| g.1)),
    ]
}

/// The same where the library takes 1 − cdf and small p-values are its rounding.
fn subtracted(want: &Value, got: Option<(f64, f64)>) -> Vec<Figure> {
    let mut figures = test(want, got);
    if let Some(p) = figures.get_mut(1) {
        p.dust = 1e-14;
    }
    figures
}

fn ends(want: &Value, got: Option<(f64, f64)>) -> Vec<Figure> {
    vec![
        one(&want[0], got.map(|g| g.0)),
        one(&want[1], got.map(|g| g.1)),
    ]
}

fn each(want: &Value, got: &[f64]) -> Vec<Figure> {
    let want = want.as_array().map_or(&[][..], Vec::as_slice);
    (0..want.len().max(got.len()))
        .map(|i| one(want.get(i).unwrap_or(&Value::Null), got.get(i).copied()))
        .collect()
}

fn aside_if(mut figures: Vec<Figure>, condition: bool, why: &'static str) -> Vec<Figure> {
    if condition {
        for f in &mut figures {
            f.aside = Some(why);
        }
    }
    figures
}
