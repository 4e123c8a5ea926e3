//! Progress on standard error: one bar a run, or plain lines where it is not a terminal.

use std::time::{Duration, Instant};

use crate::output;
use crate::overall::Overall;
use allconv_record::{Event, MetricPoint, Observer, SplitName, Status};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Time between two plain lines of a run.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProgressMode {
    /// Bars on a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// Bars.
    Bar,
    /// A plain line now and then.
    Plain,
    /// Nothing.
    None,
}

/// Shows the runs of a process.
#[derive(Clone)]
pub(crate) struct Display {
    bars: Option<MultiProgress>,
    plain: bool,
    overall: Overall,
}

impl Display {
    /// A display in `mode`.
    pub(crate) fn new(mode: ProgressMode) -> Display {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let (bar, plain) = match mode {
            ProgressMode::Auto => (terminal, !terminal),
            ProgressMode::Bar => (true, false),
            ProgressMode::Plain => (false, true),
            ProgressMode::None => (false, false),
        };
        let bars = bar.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        let overall = Overall::new(bars.as_ref());
        Display { bars, plain, overall }
    }

    /// The progress of all runs together.
    pub(crate) fn overall(&self) -> &Overall {
        &self.overall
    }

    /// Returns an observer for the run called `name`.
    pub(crate) fn run(&self, name: &str) -> RunProgress {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.insert_from_back(1, ProgressBar::new(1));
            // The console crate honours NO_COLOR; the template itself uses no colour.
            let style = ProgressStyle::with_template("{prefix:24!} {percent:>3}% {eta:>4} left  {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style);
            bar.set_prefix(name.to_owned());
            bar
        });
        RunProgress {
            name: name.to_owned(),
            bar,
            plain: self.plain,
            overall: self.overall.clone(),
            began: Instant::now(),
            last_line: None,
            images: 0,
            shown: 0,
            images_per_epoch: 1,
            total_steps: 1,
            first_step: 0,
            step: 0,
            mean_loss: None,
            validation: None,
        }
    }

    /// Writes a line without disturbing a bar.
    pub(crate) fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => drop(bars.println(line)),
            None => output::note(format_args!("{line}")),
        }
    }
}

/// The observer of one run.
pub(crate) struct RunProgress {
    name: String,
    bar: Option<ProgressBar>,
    plain: bool,
    overall: Overall,
    began: Instant,
    last_line: Option<Instant>,
    /// Images shown since this process began the run.
    images: u64,
    /// Images shown since the run began, as far as this process knows.
    shown: u64,
    images_per_epoch: u64,
    total_steps: u64,
    first_step: u64,
    step: u64,
    /// Exponential mean of the loss over about the last fifty steps.
    mean_loss: Option<f64>,
    /// The text of the newest validation result.
    validation: Option<String>,
}

impl RunProgress {
    fn message(&self) -> String {
        let rate = self.images as f64 / self.began.elapsed().as_secs_f64().max(1e-9);
        let epoch = self.shown as f64 / self.images_per_epoch as f64;
        let loss = self.mean_loss.map_or_else(|| "–".to_owned(), |loss| format!("{loss:.3}"));
        let validation =
            self.validation.as_ref().map_or_else(String::new, |result| format!("  valid {result}"));
        format!("epoch {epoch:.2}  {rate:.0} images/s  loss {loss}{validation}")
    }

    fn plain_line(&mut self, step: u64) {
        let due = self.last_line.is_none_or(|last| last.elapsed() >= PLAIN_INTERVAL);
        if self.plain && due {
            let done = step - self.first_step;
            let left =
                self.began.elapsed().as_secs_f64() / done.max(1) as f64 * (self.total_steps - step) as f64;
            output::note(format_args!(
                "{}  step {step}/{}  {}  {left:.0} s left",
                self.name,
                self.total_steps,
                self.message()
            ));
            self.last_line = Some(Instant::now());
        }
    }
}

/// Returns the text of a task's main metric; `None` for other metrics.
fn main_result(metric: &str, value: f64) -> Option<String> {
    match metric {
        "error" | "pixel_error" => Some(format!("{:.1} %", 100.0 * value)),
        "psnr_y" => Some(format!("{value:.2} dB")),
        _ => None,
    }
}

impl Observer for RunProgress {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Started { step, total_steps, images_per_epoch } => {
                self.began = Instant::now();
                self.first_step = *step;
                self.step = *step;
                self.overall.skipped(*step);
                self.total_steps = *total_steps;
                self.images_per_epoch = (*images_per_epoch).max(1);
                if let Some(bar) = &self.bar {
                    bar.set_length(*total_steps);
                    bar.set_position(*step);
                    bar.reset_eta();
                }
            }
            Event::Stepped { step, images, loss } => {
                self.overall.made(step.saturating_sub(self.step));
                self.step = *step;
                self.images += images;
                self.shown += images;
                self.mean_loss = Some(self.mean_loss.map_or(*loss, |mean| mean + 0.02 * (loss - mean)));
                if let Some(bar) = &self.bar {
                    bar.set_position(*step);
                    bar.set_message(self.message());
                }
                self.plain_line(*step);
            }
            Event::Measured(MetricPoint { epoch, split, name, value, .. }) => {
                self.shown = (epoch * self.images_per_epoch as f64).round() as u64;
                if *split == SplitName::Valid
                    && let Some(text) = main_result(name, *value)
                {
                    self.validation = Some(text);
                }
            }
            Event::Checkpointed { .. } => {}
            Event::CheckpointRejected { reason } => {
                let line =
                    format!("{}: a checkpoint cannot be used, the one before is taken: {reason}", self.name);
                match &self.bar {
                    Some(bar) => bar.suspend(|| output::note(format_args!("{line}"))),
                    None => output::note(format_args!("{line}")),
                }
            }
            Event::Ended { status } => {
                self.overall.skipped(self.total_steps.saturating_sub(self.step));
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
                if self.plain || *status != Status::Finished {
                    output::note(format_args!("{}  {status}  {}", self.name, self.message()));
                }
            }
        }
    }
}
