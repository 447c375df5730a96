//! Agents: programs that work for an organization, each under a role of it.

use super::{AgentId, HeldRole, Line, Micros, OrganizationId};

pub type AgentName = Line<255>;
/// A word of the product's, such as `code_reviewer`.
pub type AgentType = Line<50>;
/// A project or a task by the product's own id, which Palisade does not interpret.
pub type ForeignId = Line<255>;

/// An agent.
#[derive(Debug, Clone)]
pub struct Agent {
    pub id: AgentId,
    pub organization: OrganizationId,
    pub name: String,
    pub agent_type: String,
    pub role: HeldRole,
    /// It works in this project only.
    pub project: Option<String>,
    /// Of all tasks it touches this one only.
    pub task: Option<String>,
    pub suspended_at: Option<Micros>,
    /// For good: its keys are dead.
    pub terminated_at: Option<Micros>,
    pub created_at: Micros,
    pub updated_at: Micros,
}

/// What making an agent takes; the role stands in the question that is asked about it.
#[derive(Debug, Clone)]
pub struct NewAgent {
    pub name: AgentName,
    pub agent_type: AgentType,
    pub project: Option<ForeignId>,
    pub task: Option<ForeignId>,
}

/// A change to an agent. `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct AgentPatch {
    pub name: Option<AgentName>,
    pub agent_type: Option<AgentType>,
    pub project: Option<Option<ForeignId>>,
    pub task: Option<Option<ForeignId>>,
}
