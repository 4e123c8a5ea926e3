//! Writes the page about the validity of the verdicts, `docs/validity.md`: whole studies with known truth, analysed by the code that analyses
//! real ones.
//!
//! Usage: `cargo run -p allconv-study --example validity -- PAGE COMMIT`; `cargo xtask validity` does so. Fails when a rate is not what the
//! program states. The tests simulate fewer studies.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "simulated studies, not numbers of runs")]

mod claims;
mod comparisons;
mod draw;
mod fabricated;
#[cfg(test)]
mod formulas;
#[path = "../report_from_records/invented.rs"]
mod invented;
mod lengths;
mod page;
mod simulation;

use std::error::Error;

use page::{Subject, subjects};
use simulation::Rate;

/// Studies for each situation: a rate of 0.05 has a standard error of 0.007.
const STUDIES: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, commit] = arguments.as_slice() else { return Err("usage: validity PAGE COMMIT".into()) };
    let subjects = subjects();
    let rates = simulate(&subjects, STUDIES)?;
    std::fs::write(path, page::page(&subjects, &rates, (STUDIES, commit)))?;
    println!("{path}");
    let broken = rates.iter().flatten().filter(|rate| !rate.is_as_expected()).count();
    if broken == 0 { Ok(()) } else { Err(format!("{broken} rates are not as expected").into()) }
}

/// The rates of every subject.
fn simulate(subjects: &[Subject], studies: usize) -> Result<Vec<Vec<Rate>>, String> {
    let mut number = 0;
    let mut rates = Vec::new();
    for subject in subjects {
        let mut of_subject = Vec::new();
        for simulation in &subject.simulations {
            let found = simulation.run(number, studies)?;
            found.iter().for_each(|rate| print!("{}", page::row(rate)));
            of_subject.extend(found);
            number += 1;
        }
        rates.push(of_subject);
    }
    Ok(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_whole_studies_are_as_expected() {
        let subjects = subjects();
        let rates = simulate(&subjects, 30).unwrap();
        let broken: Vec<&Rate> = rates.iter().flatten().filter(|rate| !rate.is_as_expected()).collect();
        assert!(broken.is_empty(), "{broken:#?}");
        let page = page::page(&subjects, &rates, (30, "0000000"));
        assert!(page.contains("rates are as expected.") && !page.contains("NaN"), "{page}");
    }
}
