//! `results.csv`: one line per planned run.

use crate::file::StudyFile;
use crate::results::StudyResults;

const HEAD: &str = "study,arm,seed,state,split,metric,value,step,total_steps,parameters,macs,activation_bytes,\
                    training_seconds,images_per_second,peak_memory_bytes,latency_1_seconds,latency_128_seconds,specification_hash,request_hash,reason";

/// The file: comma-separated, first line names, values as stored (errors as fractions), empty where there is none.
pub(crate) fn results_csv(study: &StudyFile, results: &StudyResults) -> String {
    let mut text = format!("{HEAD}\n");
    for run in &results.runs {
        let record = run.record.as_ref();
        let of_record =
            |read: &dyn Fn(&allconv_record::RunRecord) -> String| record.map(read).unwrap_or_default();
        let measured = |read: &dyn Fn(&allconv_record::Measured) -> Option<String>| {
            record.and_then(|record| record.measured.as_ref()).and_then(read).unwrap_or_default()
        };
        let fields = [
            study.name.clone(),
            run.arm.clone(),
            run.seed.to_string(),
            run.state.name().to_string(),
            study.primary.split.name().to_string(),
            study.primary.metric.clone(),
            run.value.map(|value| value.to_string()).unwrap_or_default(),
            of_record(&|record| record.step.to_string()),
            of_record(&|record| record.total_steps.to_string()),
            of_record(&|record| record.cost.parameters.to_string()),
            of_record(&|record| record.cost.macs.to_string()),
            of_record(&|record| record.cost.activation_bytes.to_string()),
            of_record(&|record| record.timings.training_seconds.to_string()),
            of_record(&|record| record.timings.images_per_second.to_string()),
            measured(&|measured| measured.peak_memory_bytes.map(|bytes| bytes.to_string())),
            measured(&|measured| measured.latency_1_seconds.map(|seconds| seconds.to_string())),
            measured(&|measured| measured.latency_128_seconds.map(|seconds| seconds.to_string())),
            of_record(&|record| record.specification_hash.clone()),
            of_record(&|record| record.request_hash.clone()),
            run.reason.clone().unwrap_or_default(),
        ];
        let quoted: Vec<String> = fields.iter().map(|field| escaped(field)).collect();
        text.push_str(&quoted.join(","));
        text.push('\n');
    }
    text
}

/// A field after RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay as they are.
pub fn escaped(field: &str) -> String {
    let is_formula = field.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || field.starts_with(['\t', '\r', '\n']);
    let is_number = field.parse::<f64>().is_ok();
    let field = if is_formula && !is_number { format!("'{field}") } else { field.to_string() };
    if field.contains([',', '"', '\n', '\r', '\t', '\'']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_quotes_and_line_ends_are_escaped() {
        assert_eq!(escaped("a,b"), "\"a,b\"");
        assert_eq!(escaped("say \"no\"\n"), "\"say \"\"no\"\"\n\"");
        assert_eq!(escaped("plain"), "plain");
    }

    #[test]
    fn what_a_spreadsheet_would_compute_is_text_and_numbers_stay_numbers() {
        for formula in
            ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "-cmd", "=cmd|'/C calc'!A0"]
        {
            let cell = escaped(formula);
            assert!(cell.starts_with("\"'"), "{cell}");
        }
        for number in ["-0.5", "0.25", "-1e-9", "12", "+3"] {
            assert_eq!(escaped(number), number);
        }
    }
}
