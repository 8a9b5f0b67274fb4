//! Trains the tutorial's network on the built-in drawings, asks its model, and lists the runs.
//!
//!     cargo run --example train -- 2         # two epochs
//!     cargo run --example train -- 2 1000    # on the first 1000 images of either part

use std::env;
use std::ops::ControlFlow;
use std::process::ExitCode;

use cifar::{Dataset, Event, Registry, RunQuery, Split, TrainOptions, Trainer};

fn train(epochs: u32, images: usize) -> cifar::Result<()> {
    let train = Dataset::open("shapes", Split::Train, images)?;
    let test = Dataset::open("shapes", Split::Test, images)?;
    let options = TrainOptions::new().epochs(epochs).name("from Rust");
    let mut trainer = Trainer::new(&train, &test, &options)?;
    trainer.run(|training, event| {
        if let Event::EpochEnd(epoch) = event {
            println!("epoch {}  val_accuracy {:.2} %", epoch.epoch, 100.0 * epoch.val_accuracy);
            // Kept beside the epoch's row; filters know it as metrics.gap.
            if let Err(error) = training.record_metric("gap", epoch.val_loss - epoch.train_loss) {
                eprintln!("{error}");
            }
        }
        ControlFlow::Continue(()) // or Break(())
    })?;

    let model = trainer.model()?;
    println!("accuracy {:.2} %", 100.0 * model.evaluate(&test)?.accuracy);
    let (image, _) = test.read(0, 1)?;
    let names = model.class_names()?;
    for (name, probability) in names.iter().zip(&model.predict(&image)?[0]) {
        println!("{:5.1} %  {name}", 100.0 * probability);
    }
    Ok(())
}

fn list_runs() -> cifar::Result<()> {
    for run in Registry::open_default()?.query(&RunQuery::new().sort("best_val_accuracy"))? {
        let best = 100.0 * run.best_val_accuracy;
        println!("{}  {}  {} epochs  best {best:.2} %", run.id, run.status, run.epochs);
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut numbers = env::args().skip(1).map(|text| text.parse().unwrap_or(0));
    let (epochs, images) = (numbers.next().unwrap_or(2), numbers.next().unwrap_or(0));
    match train(epochs as u32, images).and_then(|()| list_runs()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("train: {:?}: {error}", error.status());
            ExitCode::FAILURE
        }
    }
}
