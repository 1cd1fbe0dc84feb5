/** Jobs that are followed live: each change, until they end. */

/**
 * Follows a job. The browser goes on by itself where the stream breaks off, from the revision it saw last.
 *
 * @param {string} jobId
 * @param {(job: any) => void} changed
 * @returns {() => void} stops it
 */
export function followJob(jobId, changed) {
  const source = new EventSource(`/api/v1/jobs/${jobId}/events`);
  source.addEventListener("job", (event) => {
    const job = JSON.parse(/** @type {MessageEvent} */ (event).data);
    if (hasEnded(job)) source.close();
    changed(job);
  });
  return () => source.close();
}

/** @param {{ state: string }} job */
export function hasEnded(job) {
  return job.state === "succeeded" || job.state === "failed" || job.state === "cancelled";
}
