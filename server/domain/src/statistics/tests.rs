use super::{
    confidence_sequence, distributions, means, multiplicity, proportions, rates, sample_size,
    sequential, stratified, tables, trend,
};

mod v {
    pub use crate::statistics::*;
}
#[path = "oracle_cases.rs"]
mod oracle_cases;

#[test]
fn figures_of_published_implementations() {
    // statsmodels, metafor and R; taken from their output for these arguments.
    let near = |got: f64, want: f64| {
        assert!(
            (got - want).abs() <= 1e-8 * want.abs().max(1.0),
            "{got} against {want}"
        )
    };
    let (low, high) = proportions::wilson(43.0, 69.0, proportions::Z95).unwrap();
    near(low, 0.505_218_864_339_555_8);
    near(high, 0.728_164_709_729_806_5);
    assert_eq!(
        proportions::wilson(0.0, 5.0, proportions::Z95).unwrap().0,
        0.0
    );
    assert_eq!(
        proportions::wilson(5.0, 5.0, proportions::Z95).unwrap().1,
        1.0
    );
    assert_eq!(proportions::wilson(0.0, 0.0, proportions::Z95), None);
    let (low, high) = proportions::newcombe(30.0, 30.0, 5.0, 9.0, proportions::Z95).unwrap();
    near(low, 0.164_711_795_669_530_04);
    near(high, 0.733_348_706_504_507);
    let (z, p) = proportions::pooled_z(30.0, 30.0, 5.0, 9.0).unwrap();
    near(z, 3.854_496_446_637_727);
    near(p, 1.159_680_677_637_435e-4);
    assert_eq!(proportions::pooled_z(5.0, 5.0, 7.0, 7.0), None);
    let strata = [
        [171.0, 198.0, 274.0, 343.0],
        [34.0, 60.0, 168.0, 321.0],
        [153.0, 180.0, 98.0, 121.0],
        [39.0, 56.0, 58.0, 89.0],
    ];
    let side = |x: usize, n: usize| {
        strata
            .iter()
            .map(|s| stratified::Share { n: s[n], s: s[x] })
            .collect::<Vec<_>>()
    };
    let c = stratified::share_difference(&side(2, 3), &side(0, 1), 1.0).unwrap();
    near(c.delta, 0.052_196_989_900_692_7);
    near(c.z().unwrap().powi(2), 4.474_498_898_588_203);
    let rate = |y, t| stratified::Rate { y, t };
    let c = stratified::rate_ratio(
        &[rate(161.0, 772.0), rate(233.0, 2459.0)],
        &[rate(27.0, 1398.0), rate(199.0, 596.0)],
        1.0,
    )
    .unwrap();
    near(c.delta, 0.129_374_952_905_673);
    near(c.variance.sqrt(), 0.066_178_361_953_769_8);
    near(
        sample_size::two_shares(0.78, 0.14, 0.8, 0.05, 1.0).unwrap(),
        100.928_510_026_988_46,
    );
    for (got, want) in sequential::boundaries(&[0.5, 1.0], 0.025, 1.0)
        .into_iter()
        .zip([2.241_402_727_604_947, 2.125_081_068_059_482])
    {
        assert!((got - want).abs() < 3e-3, "{got} against {want}");
    }
    near(
        distributions::beta_quantile(0.999, 5.378_669_008_186_378, 195.418_103_546_537_54),
        0.075_121_746_661_741_57,
    );
    near(
        distributions::gamma_quantile(0.05, 59.142_563_872_400_87, 1.0 / 1.076_941_937_662_089_2),
        50.709_343_521_451_53,
    );
    near(
        distributions::normal_quantile(3.184_436_466_458_898_6e-6),
        -4.513_758_524_896_115,
    );
}

/// Narrow distributions in their middle, and quantiles close to 0: figures of scipy 1.18, by call.
#[test]
fn beta_and_gamma_at_their_edges() {
    let cdf = [
        ((0.5, 1e5, 1e5), 0.5),
        ((0.23, 2.3e5, 7.7e5), 0.500_170_637_059_857_9),
        ((0.2302, 2.3e5, 7.7e5), 0.682_813_006_635_625_3),
        ((0.5, 1e6, 1e6), 0.5),
        ((0.4995, 5e5, 5e5), 0.158_655_253_931_445_9),
        ((0.001, 1e3, 999e3), 0.504_198_934_243_604_5),
        ((0.9, 9e4, 1e4), 0.498_878_605_643_062),
        ((0.3, 3.5, 0.2), 0.001_433_289_226_430_652_4),
        ((1e-5, 0.01, 5.0), 0.909_948_651_459_458_5),
        ((0.5, 0.001, 0.002), 0.666_667_212_881_293_8),
        ((0.97, 400.0, 9.0), 0.136_043_642_222_130_03),
    ];
    for ((x, a, b), want) in cdf {
        let got = distributions::beta_cdf(x, a, b);
        assert!(
            (got / want - 1.0).abs() < 1e-9,
            "Beta({a}, {b}) at {x}: {got} against {want}"
        );
    }
    let quantiles = [
        (
            distributions::beta_quantile(0.5, 2.3e5, 7.7e5),
            0.229_999_819_999_945_57,
        ),
        (
            distributions::beta_quantile(0.975, 1e5, 1e5),
            0.502_191_298_568_307_9,
        ),
        (
            distributions::beta_quantile(1e-3, 0.2, 3.0),
            2.495_343_537_242_626e-16,
        ),
        (
            distributions::beta_quantile(1e-6, 0.01, 5.0),
            f64::MIN_POSITIVE,
        ),
        (
            distributions::gamma_quantile(1e-6, 0.05, 1.0),
            5.844_632_057_286_552e-121,
        ),
        (
            distributions::gamma_quantile(0.3, 0.01, 1.0),
            2.917_417_191_745_957e-53,
        ),
        (
            distributions::gamma_quantile(1e-3, 0.2, 1.0),
            6.525_480_843_457_226e-16,
        ),
    ];
    for (got, want) in quantiles {
        assert!((got / want - 1.0).abs() < 1e-8, "{got:e} against {want:e}");
    }
    assert!(distributions::beta_cdf(0.5, 0.0, 1.0).is_nan());
    assert_eq!(distributions::beta_quantile(0.0, 2.0, 2.0), 0.0);
}

/// The same against whole files of such figures, where they are at hand.
#[test]
fn oracle_files() {
    let folder = std::env::var("BIHUAN_SHARED").unwrap_or_else(|_| "../../../shared".to_owned());
    let folder = std::path::Path::new(&folder).join("oracles");
    let Ok(files) = std::fs::read_dir(&folder) else {
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "skipped oracle_files: no folder of oracle files (BIHUAN_SHARED)"
        );
        return;
    };
    let mut compared = 0;
    for file in files
        .flatten()
        .filter(|f| f.path().extension().is_some_and(|e| e == "json"))
    {
        let document: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(file.path()).unwrap()).unwrap();
        let oracle = document["oracle"].as_str().unwrap();
        if oracle_cases::comparison_only(oracle) {
            continue;
        }
        let text = document["tolerance"].as_str().unwrap();
        for case in document["cases"].as_array().unwrap() {
            let comparisons = oracle_cases::compare(oracle, case);
            for c in comparisons.unwrap_or_else(|| panic!("{oracle}: no counterpart of {case}")) {
                let function = c.function;
                let (tolerance, absolute) = oracle_cases::tolerance(text, &function).unwrap();
                for figure in c.figures {
                    compared += usize::from(figure.aside.is_none());
                    assert!(
                        oracle_cases::error(&figure, absolute) <= tolerance,
                        "{oracle} {function}: {figure:?} in {case}"
                    );
                }
            }
        }
        assert_eq!(oracle_cases::left_out("trend"), "");
        assert!(oracle_cases::precision("wilson").is_none());
    }
    assert!(compared > 8000, "only {compared} figures compared");
}

fn near(got: f64, want: f64) {
    assert!(
        (got - want).abs() <= 1e-8 * want.abs().max(1e-300),
        "{got} against {want}"
    );
}

#[test]
fn a_tolerance_is_read_from_the_words_of_its_file() {
    let read = oracle_cases::tolerance;
    assert_eq!(
        read("relative 1e-8 unless stated", "wilson"),
        Some((1e-8, false))
    );
    assert_eq!(
        read("1e-6 absolute (bisection in the library)", "x"),
        Some((1e-6, true))
    );
    assert_eq!(
        read(
            "3e-3 absolute on Z (step 0.05 sd); within 1e-4",
            "boundaries"
        ),
        Some((3e-3, true))
    );
    assert_eq!(
        read("1e-9 relative (ppf 1e-8)", "beta_ppf"),
        Some((1e-8, false))
    );
    assert_eq!(
        read("1e-9 relative (ppf 1e-8)", "beta_cdf"),
        Some((1e-9, false))
    );
    let two = "1e-8; score intervals are root-found in the library, use 1e-5 absolute";
    assert_eq!(read(two, "score interval"), Some((1e-5, true)));
    assert_eq!(read(two, "score_z"), Some((1e-8, false)));
    let rates = "1e-7; score intervals 1e-5; E-test is summed over a grid: 1e-6";
    assert_eq!(read(rates, "E-test"), Some((1e-6, false)));
    assert_eq!(read(rates, "exact_rates"), Some((1e-7, false)));
    assert_eq!(
        read("Siegmund formula within 5% relative", "run_length"),
        Some((0.05, false))
    );
    assert_eq!(read("close", "x"), None);
}

#[test]
fn two_samples_as_published() {
    let after = [82.0, 25.0, 56.0, 239.0, 86.0];
    let before = [1.0, 3.0, 0.0, 1.0, 9.0];
    let sample = |c: &[f64]| means::Sample::of_ratings(c).unwrap();
    let w = means::welch(sample(&after), sample(&before)).unwrap();
    near(w.t, -1.328_485_919_116_425_8);
    near(w.df, 13.559_940_620_829_948);
    near(w.p, 0.205_943_043_114_256_4);
    near(w.interval(0.05).0, -1.427_781_574_911_667_6);
    let m = means::mann_whitney(&after, &before).unwrap();
    near(m.u, 2220.0);
    near(m.p.unwrap(), 0.017_109_988_136_149_24);
    near(m.superiority, 0.324_941_451_992_006_23);
    let (z, p) = means::brunner_munzel(&after, &before).unwrap();
    near(z, 1.883_259_600_533_073_5);
    near(p, 0.081_828_754_616_512_32);
    // All alike: no test, no number that looks like one.
    let same = [0.0, 0.0, 0.0, 0.0, 5.0];
    assert_eq!(means::welch(sample(&same), sample(&same)), None);
    assert_eq!(means::mann_whitney(&same, &same).unwrap().p, None);
    assert_eq!(means::brunner_munzel(&same, &same), None);
    assert_eq!(means::Sample::of_ratings(&[1.0]), None);
    let sums = means::Sample::of_sums(3.0, 6.0, 14.0).unwrap();
    near(sums.variance, 1.0);
}

#[test]
fn rates_and_sizes_as_published() {
    let (low, high) = rates::exact_interval(1.0, 7.0, 0.05).unwrap();
    near(low, 0.003_616_829_712_041_411);
    near(high, 0.795_949_055_848_414);
    assert_eq!(rates::exact_interval(0.0, 7.0, 0.05).unwrap().0, 0.0);
    assert_eq!(rates::exact_interval(1.0, 0.0, 0.05), None);
    let e = rates::exact_rates(3.0, 14.0, 59.0, 56.0, 0.05).unwrap();
    near(e.p, 0.001_245_594_546_498_537);
    near(e.mid_p, 0.000_955_799_639_720_798_2);
    near(e.low, 0.040_779_328_033_010_4);
    near(e.high, 0.624_074_038_632_537);
    assert_eq!(
        rates::exact_rates(7.0, 14.0, 0.0, 14.0, 0.05).unwrap().high,
        f64::INFINITY
    );
    assert_eq!(rates::exact_rates(0.0, 14.0, 0.0, 14.0, 0.05), None);
    near(
        rates::e_test(1.0, 7.0, 1.0, 28.0).unwrap().1,
        0.213_905_730_204_223_74,
    );
    near(
        proportions::poisson_score(0.0, 14.0, 5.0, 14.0).unwrap().0,
        -2.236_067_977_499_79,
    );
    let s = rates::standardise(&[(106.0, 227.0, 66.0), (115.0, 130.0, 302.0)], 0.05).unwrap();
    near(s.rate, 0.809_709_862_537_386);
    assert!(
        (s.low - 0.681_591_526_608_244).abs() < 1e-6
            && (s.high - 0.955_587_476_736_994).abs() < 1e-6
    );
    assert_eq!(rates::standardise(&[(0.0, 0.0, 1.0)], 0.05), None);
    assert_eq!(rates::share_dispersion(&[(5.0, 5.0), (3.0, 3.0)]), None);
    let size = |ratio| sample_size::two_shares(0.78, 0.14, 0.8, 0.05, ratio);
    near(size(0.5).unwrap(), 142.707_698_726_462_47);
    assert_eq!(sample_size::two_shares(0.78, 0.0, 0.8, 0.05, 1.0), None);
    assert_eq!(sample_size::two_shares(0.78, 0.4, 0.8, 0.05, 1.0), None);
    let r = sample_size::Rates {
        first: 41.16,
        second: 35.67,
        days: 22.0,
        ratio: 1.0,
    };
    near(
        sample_size::power_two_rates(r, 0.102, 0.05).unwrap(),
        0.263_639_861_512_760_5,
    );
}

#[test]
fn tables_trends_and_many_tests_as_published() {
    let table = |after, n_after, before, n_before| tables::Table {
        after,
        n_after,
        before,
        n_before,
    };
    let strata = [
        table(5.0, 5.0, 3.0, 10.0),
        table(0.0, 4.0, 2.0, 9.0),
        table(8.0, 10.0, 40.0, 60.0),
    ];
    let odds = tables::odds_ratio(&strata).unwrap();
    near(odds.value, 0.965_874_232_062_983);
    near(odds.se, 0.619_454_485_554_866);
    near(
        tables::risk_ratio(&strata).unwrap(),
        1.390_304_847_576_211_6,
    );
    let d = tables::risk_difference(&strata).unwrap();
    near(d.value, 0.194_957_563_654_518);
    near(d.se, 0.111_552_828_769_246);
    near(
        tables::cochran_mantel_haenszel(&strata, true).unwrap().0,
        1.767_413_995_834_609,
    );
    near(
        tables::breslow_day(&strata).unwrap().1,
        0.055_389_925_476_954_205,
    );
    assert_eq!(tables::odds_ratio(&[]), None);
    assert_eq!(
        tables::cochran_mantel_haenszel(&[table(5.0, 5.0, 7.0, 7.0)], false),
        None
    );
    let x = tables::double_difference(
        table(75.0, 83.0, 43.0, 47.0),
        table(23.0, 37.0, 417.0, 600.0),
    )
    .unwrap();
    near(x.shares.value, 0.062_099_219_188_427_424);
    near(x.shares.se, 0.097_037_503_097_698_7);
    near(x.logit.unwrap().value, 0.190_303_999_929_712_03);
    assert_eq!(
        multiplicity::benjamini_hochberg(&[0.01, 0.04, 0.03, f64::NAN]),
        [0.04, 0.16 / 3.0, 0.16 / 3.0, 1.0]
    );
    assert_eq!(multiplicity::holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
    assert!(multiplicity::benjamini_yekutieli(&[]).is_empty());
    let l = trend::line(&[(0.0, 1.0), (1.0, 3.0), (2.0, 4.0)]).unwrap();
    near(l.slope, 1.5);
    near(l.intercept, 7.0 / 6.0);
    near(l.se.unwrap(), 0.288_675_134_594_812_8);
    assert_eq!(trend::line(&[(1.0, 1.0), (1.0, 2.0)]), None);
    near(
        proportions::fisher(1222.0, 1519.0, 35.0, 71.0).unwrap(),
        1.176_790_179_468_520_6e-8,
    );
    let (low, high) =
        proportions::score_interval(1222.0, 1519.0, 35.0, 71.0, proportions::Z95).unwrap();
    assert!(
        (low - 0.195_894_680_288_088_93).abs() < 1e-6
            && (high - 0.425_959_500_478_037_54).abs() < 1e-6
    );
    near(
        proportions::score_z(436.0, 456.0, 43.0, 50.0, -0.03).unwrap(),
        4.432_170_415_644_828,
    );
}

#[test]
fn intervals_for_any_time_as_published() {
    use confidence_sequence as cs;
    let rho = cs::tuning(463.321, 0.05).unwrap();
    near(
        cs::normal_mixture(14.6886, 0.05, rho).unwrap(),
        21.311_795_015_559_75,
    );
    let (low, high) = cs::share_beta_mixture(1.0, 1.0, 0.05, (1.0, 1.0)).unwrap();
    assert!((low - 0.025).abs() < 1e-9 && high == 1.0);
    let (low, high) = cs::share_sub_bernoulli(10.0, 12.0, 0.05, 50.0, 0.05).unwrap();
    assert!((low - 0.375_822_411).abs() < 1e-6 && (high - 0.998_926_695).abs() < 1e-6);
    let d = cs::two_shares(117.0, 260.0, 70.0, 97.0, 0.05, 1000.0).unwrap();
    near(d.low, -0.444_849_943_192_342_06);
    near(d.p, 0.000_236_376_764_942_841_1);
    assert_eq!(cs::two_shares(0.0, 0.0, 1.0, 2.0, 0.05, 100.0), None);
    assert_eq!(cs::tuning(10.0, 1.0), None);
    // Wider with more looks to come, narrower with more information.
    let half = |v: f64| cs::normal_mixture(v, 0.05, rho).unwrap() / v;
    assert!(half(10.0) > half(100.0) && half(100.0) > half(1000.0));
    assert!(
        cs::e_value(0.0, 10.0, 5.0).unwrap() < 1.0 && cs::e_value(5.0, 10.0, 5.0).unwrap() > 20.0
    );
}
