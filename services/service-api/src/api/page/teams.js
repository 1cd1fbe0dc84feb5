/** The teams' colours, the same on the film, the timeline and the cards. */

const COLOURS = ["#ffa62b", "#38b6ff", "#d77bff", "#7bdc6b"];
const NO_TEAM = "#c9d1d9";
const LETTERS = 26;

/**
 * @param {number | null} teamId
 * @returns {string} a colour that is told from grass and from the other teams' by the colour-blind as well
 */
export function teamColour(teamId) {
  return teamId === null ? NO_TEAM : /** @type {string} */ (COLOURS[teamId % COLOURS.length]);
}

/**
 * @param {{ team_id: number, name: string | null }} team
 * @returns {string}
 */
export function teamName(team) {
  return team.name ?? `Team ${team.team_id < LETTERS ? String.fromCharCode(65 + team.team_id) : team.team_id + 1}`;
}
