//! Long work in steps, between which a thread's other requests have their turn.

/// How many steps a turn has: about a millisecond of decisions.
const TURN: usize = 16;

/// To be awaited at each step, with its number from zero: at every sixteenth the others have their turn.
pub async fn give_way(number: usize) {
    if number % TURN == TURN - 1 {
        // Not only to other tasks: tokio looks for what came in before it goes on with this one.
        tokio::task::yield_now().await;
    }
}
