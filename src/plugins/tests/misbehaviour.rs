//! Whatever a guest does costs its own call and nothing else.

use super::*;

/// Calls twice, so that a first failure is seen to leave nothing behind.
async fn fails_with(deed: &str, change: impl Fn(&mut Binding)) -> Error {
    let plugins = hostile(&[deed, "behave"], change).await;
    let error = call(&plugins).await.unwrap_err();
    assert_eq!(call(&plugins).await.unwrap_err(), error, "{deed}: the second call differs");
    let next = Plugins {
        bound: plugins.bound.into_iter().skip(1).collect(),
        runtime: plugins.runtime,
        ..Plugins::none()
    };
    assert_eq!(ask(&next, &candidate("ada@example.com")).await, accepted(), "{deed}: the next call");
    error
}

const SOON: Duration = Duration::from_millis(200);

#[tokio::test]
async fn an_endless_loop_ends_at_its_deadline() {
    let begin = Instant::now();
    let error = fails_with("loop-forever", |binding| {
        binding.deadline = if binding.config["do"] == "behave" { binding.deadline } else { SOON };
    })
    .await;
    assert_eq!(error, Error::TimedOut);
    assert!(begin.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_loop_leaves_its_thread_to_others() {
    // One thread: if the guest kept it, the counter could not count.
    let plugins = hostile(&["loop-forever"], |binding| binding.deadline = SOON).await;
    let turns = std::cell::Cell::new(0);
    let counter = async {
        loop {
            turns.set(turns.get() + 1);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        result = call(&plugins) => assert_eq!(result.unwrap_err(), Error::TimedOut),
        () = counter => {}
    }
    assert!(turns.get() > 2, "{}", turns.get());
}

#[tokio::test]
async fn growing_without_end_is_stopped() {
    assert_eq!(fails_with("grow-forever", |_| ()).await, Error::OutOfMemory);
}

#[tokio::test]
async fn a_panic_is_a_trap_of_its_own_call() {
    assert!(matches!(fails_with("panic", |_| ()).await, Error::Trapped(_)));
}

#[tokio::test]
async fn deep_recursion_overflows_its_own_stack() {
    let error = fails_with("recurse-forever", |_| ()).await;
    assert!(matches!(&error, Error::Trapped(what) if what.contains("stack")), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_copied() {
    for deed in ["huge-reason", "many-patches", "amplify", "long-log-line"] {
        assert_eq!(fails_with(deed, |_| ()).await, Error::TooMuchOutput, "{deed}");
    }
}

#[tokio::test]
async fn nothing_is_remembered_between_calls() {
    let plugins = hostile(&["count-calls"], |_| ()).await;
    for _ in 0..3 {
        assert_eq!(ask(&plugins, &candidate("ada@example.com")).await, accepted());
    }
}

#[tokio::test]
async fn a_plugin_that_loops_at_the_start_stops_the_start() {
    let told = refusal("plugins/fixtures", "hostile", json!({"do": "loop-in-check"})).await;
    assert!(told.contains("did not answer in time"), "{told}");
}

#[tokio::test]
async fn all_places_taken_means_waiting_no_longer_than_the_deadline_and_is_no_fault_of_the_plugin() {
    let short = deeds(&["behave"], |binding| binding.deadline = Duration::from_millis(20));
    let mut plugins =
        Plugins::load(&folder("plugins/fixtures"), &short, limits(), Arc::new(NoHost)).await.unwrap();
    let runtime = plugins.runtime.as_ref().unwrap();
    let later = Instant::now() + Duration::from_secs(20);
    let taken = (runtime.place("slow", later).await.unwrap(), runtime.place("slower", later).await.unwrap());
    // More often than a quarantine takes.
    for _ in 0..6 {
        assert_eq!(call(&plugins).await.unwrap_err(), Error::Busy);
    }
    drop(taken);
    plugins.bound[0].deadline = Duration::from_secs(20);
    assert!(call(&plugins).await.is_ok());
}

#[tokio::test]
async fn a_slow_plugin_leaves_half_of_the_places_to_others() {
    let bindings = deeds(&["behave"], |binding| binding.deadline = Duration::from_secs(20));
    let plugins =
        Plugins::load(&folder("plugins/fixtures"), &bindings, limits(), Arc::new(NoHost)).await.unwrap();
    let runtime = plugins.runtime.as_ref().unwrap();
    let _slow = runtime.place("slow", Instant::now() + Duration::from_secs(20)).await.unwrap();
    let soon = Instant::now() + Duration::from_millis(20);
    assert_eq!(runtime.place("slow", soon).await.unwrap_err(), Error::Busy, "it has its half of two");
    assert!(call(&plugins).await.is_ok());
}

#[tokio::test]
async fn a_call_that_its_caller_gives_up_leaves_nothing_behind() {
    let plugins = hostile(&["loop-forever", "behave"], |_| ()).await;
    let given_up = tokio::time::timeout(Duration::from_millis(50), call(&plugins)).await;
    assert!(given_up.is_err());
    let next = Plugins {
        bound: plugins.bound.into_iter().skip(1).collect(),
        runtime: plugins.runtime,
        ..Plugins::none()
    };
    assert_eq!(ask(&next, &candidate("ada@example.com")).await, accepted());
}
