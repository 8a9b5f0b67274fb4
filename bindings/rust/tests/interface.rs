//! The interface against the library that is linked.

use std::fs;
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use cifar::{
    set_log, Dataset, Event, ExportOptions, Format, ImageShape, ImportOptions, LogLevel, Model,
    Registry, ResumeOptions, RunQuery, Split, Status, TrainOptions, Trainer,
};

/// A directory of its own, taken away in the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("cifar-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn registry(&self) -> Registry {
        Registry::open(self.file("runs.db")).unwrap()
    }

    /// A model of one layer on 128 images, for two epochs of two batches.
    fn options(&self) -> TrainOptions {
        TrainOptions::new()
            .registry(self.file("runs.db"))
            .epochs(2)
            .model(r#"[{"type": "max_pool"}, {"type": "flatten"}, {"type": "dense", "units": 10}]"#)
    }

    fn trainer(&self, options: &TrainOptions) -> Trainer {
        Trainer::new(&shapes(Split::Train), &shapes(Split::Test), options).unwrap()
    }

    fn resume_options(&self) -> ResumeOptions {
        ResumeOptions::new().registry(self.file("runs.db"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shapes(split: Split) -> Dataset {
    Dataset::open("shapes", split, 128).unwrap()
}

fn follow_nothing(_: &cifar::Training<'_>, _: Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn is_send_and_sync<T: Send + Sync>() {}

#[test]
fn every_type_goes_to_other_threads() {
    is_send_and_sync::<Dataset>();
    is_send_and_sync::<Trainer>();
    is_send_and_sync::<cifar::Interrupter>();
    is_send_and_sync::<Model>();
    is_send_and_sync::<Registry>();
    is_send_and_sync::<cifar::Run>();
    is_send_and_sync::<cifar::Error>();
}

#[test]
fn the_library_is_the_declarations() {
    use cifar::raw::{CIFAR_VERSION_MAJOR, CIFAR_VERSION_MINOR, CIFAR_VERSION_PATCH};
    let version = format!("{CIFAR_VERSION_MAJOR}.{CIFAR_VERSION_MINOR}.{CIFAR_VERSION_PATCH}");
    assert_eq!(cifar::version(), version);
    assert_eq!(env!("CARGO_PKG_VERSION"), version);
    assert!(["baseline", "avx2", "avx512", "avx512vnni"].contains(&cifar::instruction_set()));
    assert!(cifar::default_threads() >= 1);
}

#[test]
fn every_status_has_its_name() {
    let declarations = include_str!("../src/raw.rs");
    let statuses = include_str!("../src/error.rs");
    let mut count = 0;
    for line in declarations.lines().filter(|line| line.starts_with("pub const CIFAR_E_")) {
        let name = line["pub const ".len()..].split(':').next().unwrap();
        assert!(statuses.contains(&format!("{} = {name};", &name["CIFAR_E_".len()..])), "{name}");
        count += 1;
    }
    assert!(count > 15);
    assert_eq!(Status::DISK_FULL.name(), "CIFAR_E_DISK_FULL");
    assert_eq!(format!("{:?}", Status::BUSY), "CIFAR_E_BUSY");
    assert_eq!(Status::NOT_FOUND.code(), 30);
}

#[test]
fn a_training_tells_what_happens_in_order() {
    let place = Place::new();
    let mut trainer = place.trainer(&place.options().name("told").tags(&["b", "a"]));
    let mut events = Vec::new();
    trainer
        .run(|training, event| {
            match &event {
                Event::BatchEnd(batch) => assert_eq!((batch.batches, batch.epochs), (2, 2)),
                Event::ValidationEnd(validation) => assert_eq!(validation.images, 128),
                Event::EpochEnd(epoch) => {
                    assert!(epoch.train_loss > 0.0 && epoch.seconds > 0.0);
                    training.record_metric("twice", 2.0 * epoch.val_loss).unwrap();
                    training.set_learning_rate(0.5).unwrap();
                }
                _ => {}
            }
            let text = format!("{event:?}");
            events.push(text.split(['(', ' ']).next().unwrap().to_owned());
            ControlFlow::Continue(())
        })
        .unwrap();
    let epoch = [
        "EpochBegin",
        "BatchBegin",
        "BatchEnd",
        "BatchBegin",
        "BatchEnd",
        "ValidationBegin",
        "ValidationEnd",
        "EpochEnd",
    ];
    let expected = [&["TrainBegin"], &epoch[..], &epoch[..], &["TrainEnd"]].concat();
    assert_eq!(events, expected);

    let info = trainer.info().unwrap();
    assert_eq!((info.epoch, info.step, info.has_diverged), (2, 4, false));
    assert_eq!(info.end_reason.as_deref(), Some("all 2 epochs are done"));
    let error = trainer.run(follow_nothing).unwrap_err();
    assert_eq!(error.status(), Status::INVALID_STATE);

    let run = place.registry().find("told").unwrap();
    let epochs = run.epochs().unwrap();
    assert_eq!(epochs[1].learning_rate, 0.5);
    let metrics = run.metrics().unwrap();
    assert_eq!(metrics[1].name, "twice");
    assert_eq!(metrics[1].value, 2.0 * epochs[1].val_loss);
    assert_eq!(run.info().unwrap().tags, ["a", "b"]);
    assert_eq!(Some(run.info().unwrap().id), info.run_id);
    assert!(run.hyperparameters().unwrap().starts_with('{'));
}

#[test]
fn a_training_is_broken_off_and_resumed_to_the_same_bits() {
    let place = Place::new();
    place.trainer(&place.options().name("whole")).run(follow_nothing).unwrap();
    let mut trainer = place.trainer(&place.options().name("parts"));
    let error = trainer
        .run(|_, event| match event {
            Event::BatchEnd(batch) if batch.epoch == 2 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .unwrap_err();
    assert_eq!(error.status(), Status::CALLBACK);
    assert!(error.message().contains("epoch 2 after batch 1"), "{error}");

    let mut resumed = Trainer::resume("parts", &place.resume_options()).unwrap();
    resumed.run(follow_nothing).unwrap();
    let losses = |name| {
        let epochs = place.registry().find(name).unwrap().epochs().unwrap();
        epochs.iter().map(|epoch| epoch.val_loss).collect::<Vec<_>>()
    };
    assert_eq!(losses("parts"), losses("whole"));
}

#[test]
fn a_panic_leaves_the_run_when_it_has_stopped() {
    let place = Place::new();
    let mut trainer = place.trainer(&place.options());
    let mut calls_after = 0;
    let caught = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut has_panicked = false;
        trainer.run(|_, event| {
            calls_after += i32::from(has_panicked);
            if let Event::EpochEnd(_) = event {
                has_panicked = true;
                panic!("enough");
            }
            ControlFlow::Continue(())
        })
    }));
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>().unwrap(), &"enough");
    assert_eq!(calls_after, 0);
    assert_eq!(trainer.info().unwrap().epoch, 1);
    assert_eq!(place.registry().query(&RunQuery::new()).unwrap()[0].status, "stopped");
}

#[test]
fn another_thread_interrupts() {
    let place = Place::new();
    let mut trainer = place.trainer(&place.options().epochs(1_000_000));
    let interrupter = trainer.interrupter();
    let (sender, receiver) = std::sync::mpsc::channel();
    let timer = thread::spawn({
        let interrupter = interrupter.clone();
        move || {
            receiver.recv().unwrap();
            interrupter.interrupt();
        }
    });
    let error = trainer
        .run(|_, event| {
            if let Event::EpochEnd(_) = event {
                let _ = sender.send(());
            }
            ControlFlow::Continue(())
        })
        .unwrap_err();
    assert_eq!(error.status(), Status::INTERRUPTED);
    timer.join().unwrap();
    drop(trainer);
    interrupter.interrupt(); // does nothing any more
    assert_eq!(place.registry().query(&RunQuery::new()).unwrap()[0].status, "interrupted");
}

#[test]
fn weights_go_out_and_in() {
    let place = Place::new();
    let mut trainer = place.trainer(&place.options());
    trainer.run(follow_nothing).unwrap();
    let model = trainer.model().unwrap();
    let (images, _) = shapes(Split::Test).read(0, 2).unwrap();
    let expected = model.predict(&images).unwrap();
    let plain = ExportOptions::default();
    let names = |names: &str| ExportOptions { names: Some(names.to_owned()), ..plain.clone() };
    model.export(Format::Weights, place.file("w.safetensors"), &plain).unwrap();
    let options = ImportOptions::default();
    let bytes = model.encode(Format::Weights, &names("sequential")).unwrap();
    let all = model.encode(Format::Checkpoint, &plain).unwrap();
    for other in [
        Model::from_weights(place.file("w.safetensors"), &options).unwrap(),
        Model::from_weights_in(&bytes, &options).unwrap(),
        Model::from_weights_in(&all, &options).unwrap(),
    ] {
        assert_eq!(other.predict(&images).unwrap(), expected);
    }
    model.export(Format::Onnx, place.file("m.onnx"), &plain).unwrap();
    let onnx = model.encode(Format::Onnx, &plain).unwrap();
    assert_eq!(std::fs::read(place.file("m.onnx")).unwrap(), onnx);
    let error = model.export(Format::Weights, place.file("m.h5"), &plain).unwrap_err();
    assert_eq!(error.status(), Status::INVALID_ARGUMENT);
    let error = model.encode(Format::Weights, &names("tutorial")).unwrap_err();
    assert_eq!(error.status(), Status::UNSUPPORTED);
    let tutorial = ImportOptions { model: Some("tutorial".to_owned()), ..options };
    let error = Model::from_weights(place.file("w.safetensors"), &tutorial).unwrap_err();
    assert_eq!(error.status(), Status::SHAPE_MISMATCH);

    let beginning = place.options().init_model(&Arc::new(model)).init_source("a friend");
    let trainer = place.trainer(&beginning);
    assert_eq!(trainer.model().unwrap().predict(&images).unwrap(), expected);
    assert!(trainer.info().unwrap().hyperparameters.contains("a friend"));
}

#[test]
fn images_have_weights() {
    let shape = ImageShape { channels: 3, height: 32, width: 32 };
    let images = vec![7; 2 * shape.bytes()];
    let made = |weights: &[f32]| {
        Dataset::from_weighted_arrays(&images, shape, &[0, 1], weights, &["a", "b"], Split::Train)
    };
    made(&[0.0, 2.5]).unwrap();
    assert_eq!(made(&[1.0]).unwrap_err().status(), Status::SHAPE_MISMATCH);
    assert_eq!(made(&[0.0, 0.0]).unwrap_err().status(), Status::BAD_DATA);
    assert_eq!(made(&[1.0, f32::NAN]).unwrap_err().status(), Status::BAD_DATA);
}

#[test]
fn a_model_is_saved_and_opened_again() {
    let place = Place::new();
    let test = shapes(Split::Test);
    let mut trainer = place.trainer(&place.options().name("saved"));
    trainer.run(follow_nothing).unwrap();
    let model = trainer.model().unwrap();
    drop(trainer);
    model.save(place.file("model.safetensors")).unwrap();

    let (images, labels) = test.read(0, 3).unwrap();
    assert_eq!((images.len(), labels.len()), (3 * test.shape().bytes(), 3));
    let expected = model.predict(&images).unwrap();
    assert!(expected.iter().all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    for other in [
        Model::open(place.file("model.safetensors")).unwrap(),
        Model::from_run(Some(&place.file("runs.db")), "saved", Some("best")).unwrap(),
    ] {
        assert_eq!(other.predict(&images).unwrap(), expected);
        assert_eq!(other.evaluate(&test).unwrap(), model.evaluate(&test).unwrap());
        assert_eq!(other.class_names().unwrap(), test.class_names().unwrap());
        assert_eq!(other.parameters(), 10 * (3 * 16 * 16 + 1));
        assert!(other.summary().unwrap().contains("dense"));
        other.set_precision("mixed_bfloat16").unwrap();
        assert_eq!(other.precision().unwrap(), "mixed_bfloat16");
        assert!(other.set_precision("float16").is_err());
        let small = other.quantize(&test, Some(16)).unwrap();
        assert_eq!(small.precision().unwrap(), "int8");
        assert!(small.quantize(&test, None).is_err());
        assert!(other.hyperparameters().contains("max_pool"));
    }
    assert_eq!(model.predict(&[]).unwrap(), Vec::<Vec<f32>>::new());
    assert_eq!(model.predict(&images[1..]).unwrap_err().status(), Status::SHAPE_MISMATCH);
}

#[test]
fn a_data_set_comes_from_arrays() {
    let shape = ImageShape { channels: 1, height: 28, width: 20 };
    let images: Vec<u8> = (0..2 * shape.bytes()).map(|byte| (byte % 251) as u8).collect();
    let data = Dataset::from_arrays(&images, shape, &[1, 0], &["a", "b"], Split::Train).unwrap();
    assert_eq!(data.shape(), shape);
    assert_eq!((data.len(), data.name(), data.location()), (2, "memory".to_owned(), None));
    assert_eq!(data.read(0, 2).unwrap(), (images.clone(), vec![1, 0]));
    assert_eq!(data.read(1, 1).unwrap().0, &images[shape.bytes()..]);
    assert_eq!(data.read(1, 2).unwrap_err().status(), Status::INVALID_ARGUMENT);
    assert_eq!(data.read(usize::MAX, 2).unwrap_err().status(), Status::INVALID_ARGUMENT);

    let status = |labels: &[i32], names: &[&str]| {
        Dataset::from_arrays(&images, shape, labels, names, Split::Train).unwrap_err().status()
    };
    assert_eq!(status(&[0], &["a", "b"]), Status::SHAPE_MISMATCH);
    assert_eq!(status(&[0, 2], &["a", "b"]), Status::BAD_DATA);
    assert_eq!(status(&[0, 1], &["a", "a"]), Status::INVALID_ARGUMENT);
    assert_eq!(status(&[0, 1], &["a", "b\0"]), Status::INVALID_ARGUMENT);
}

#[test]
fn the_registry_is_asked_and_edited() {
    let place = Place::new();
    let error = Registry::open(place.file("runs.db")).unwrap_err();
    assert_eq!(error.status(), Status::NOT_FOUND);
    for seed in 1..=3 {
        let options = place
            .options()
            .seed(seed)
            .name(&format!("run {seed}"))
            .packages(r#"{"program": "1.2"}"#)
            .no_patch(true);
        place.trainer(&options).run(follow_nothing).unwrap();
    }
    let registry = place.registry();
    let ascending = RunQuery::new().filter("seed > 1").sort("seed").ascending();
    let names = |query: &RunQuery| {
        registry.query(query).unwrap().into_iter().map(|run| run.name.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(names(&ascending), ["run 2", "run 3"]);
    assert_eq!(names(&RunQuery::new().limit(1)), ["run 3"]);
    let error = registry.query(&RunQuery::new().filter("seed >")).unwrap_err();
    assert_eq!(error.status(), Status::INVALID_ARGUMENT);

    registry.tag("run 1", "good").unwrap();
    registry.note("run 1", "looks\nwell").unwrap();
    registry.rename("run 2", Some("second")).unwrap();
    assert_eq!(registry.untag("run 1", "bad").unwrap_err().status(), Status::NOT_FOUND);
    let run = registry.find("run 1").unwrap();
    assert_eq!(run.info().unwrap().tags, ["good"]);
    assert_eq!(run.notes().unwrap()[0].text, "looks\nwell");
    let session = &run.sessions().unwrap()[0];
    assert_eq!((session.status.as_str(), session.resumed_epoch), ("completed", -1));
    assert!(session.environment.as_ref().unwrap().contains("program") && session.threads > 0);
    // In a repository the reason stands there, elsewhere nothing.
    assert!(run.changes(0).unwrap().map_or(true, |json| json.contains("left out")));
    assert_eq!(run.changes(1).unwrap_err().status(), Status::INVALID_ARGUMENT);

    let checkpoint = run.checkpoints().unwrap().pop().unwrap();
    assert!(checkpoint.epoch == 2 && checkpoint.size > 0 && checkpoint.sha256.len() == 64);
    registry.pin(checkpoint.id, true).unwrap();
    assert!(registry.find("run 1").unwrap().checkpoints().unwrap().pop().unwrap().is_pinned);
    registry.export(checkpoint.id, place.file("checkpoint.safetensors")).unwrap();
    assert_eq!(Model::open(place.file("checkpoint.safetensors")).unwrap().epoch(), 2);

    let imported = registry.import(place.file("checkpoint.safetensors"), Some("imported")).unwrap();
    assert_eq!(registry.find("imported").unwrap().info().unwrap().id, imported);

    let forked = registry.fork("run 1", "last", Some("child")).unwrap();
    assert_eq!(registry.find("child").unwrap().info().unwrap().id, forked);
    assert_eq!(
        registry.find("child").unwrap().info().unwrap().parent,
        Some(run.info().unwrap().id)
    );

    registry.remove("second").unwrap();
    assert_eq!(names(&RunQuery::new().trash()), ["second"]);
    registry.restore("second").unwrap();
    registry.remove("second").unwrap();
    registry.collect().unwrap();
    assert_eq!(names(&RunQuery::new().trash()), [""; 0]);

    assert_eq!(
        registry.verify(None, |problem| ControlFlow::Break(problem.to_owned())).unwrap(),
        None
    );
    registry.backup(place.file("copy.db")).unwrap();
    let merged = registry.merge(place.file("copy.db"), None, false).unwrap();
    assert_eq!((merged.added, merged.conflicts, merged.checkpoints), (0, 0, 0));
    assert_eq!(
        Registry::open(place.file("copy.db"))
            .unwrap()
            .find("run 3")
            .unwrap()
            .epochs()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn warnings_go_to_the_log() {
    static LINES: Mutex<Vec<(LogLevel, String)>> = Mutex::new(Vec::new());
    set_log(Some(|level, line| {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).push((level, line.to_owned()));
        panic!("nobody hears it");
    }))
    .unwrap();
    let place = Place::new();
    drop(place.trainer(&place.options().threads(1024)));
    set_log(None).unwrap();
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(
        lines.iter().any(|(level, line)| *level == LogLevel::Warning && line.contains("threads")),
        "{lines:?}"
    );
}
