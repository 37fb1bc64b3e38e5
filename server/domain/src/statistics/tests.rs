use super::{distributions, proportions, sequential, stratified};

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
        proportions::sample_size(0.78, 0.14, 0.8, 0.05).unwrap(),
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
        let (tolerance, absolute) = oracle_cases::tolerance(oracle);
        for case in document["cases"].as_array().unwrap() {
            for (function, pairs) in oracle_cases::compare(oracle, case).unwrap_or_default() {
                for pair in pairs {
                    compared += 1;
                    assert!(
                        oracle_cases::error(pair, absolute) <= tolerance,
                        "{oracle} {function}: {pair:?} in {case}"
                    );
                }
            }
        }
    }
    assert!(compared > 500, "only {compared} figures compared");
}
