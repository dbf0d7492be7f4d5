#include "backend/sim/wires/job.h"

void job_clear(struct job *job)
{
	content_clear(&job->content);
	task_destroy(job->draft_of);
	buffer_clear(&job->extra);
}

static bool refuse_unable(struct refusal *refusal, const char *name)
{
	return refuse_invalid(refusal, name, "not supported by the model");
}

bool job_check_length(const struct job *job, struct refusal *refusal)
{
	const struct model *model = job->model;

	if (job->frames && !(model->abilities & MODEL_FRAMES))
		return refuse_unable(refusal, "frames");
	if (job->frames && (job->frames - 25) % 4)
		return refuse_invalid(refusal, "frames", "must be 25 + 4n");
	if (job->duration == -1 && model->abilities & MODEL_AUTO_DURATION)
		return true;
	if (job->duration < model->shortest || job->duration > model->longest)
		return refuse_invalid(refusal, "duration",
				      "must be between %d and %d for the model",
				      model->shortest, model->longest);
	return true;
}

bool job_check_resolution(const struct job *job, struct refusal *refusal)
{
	const struct model *model = job->model;

	if (job->resolution < 0)
		return true;
	if (!(model->resolutions & 1u << job->resolution))
		return refuse_unable(refusal, "resolution");
	if (model->abilities & MODEL_REFERENCES_BELOW_1080P &&
	    job->content.reference_images && job->resolution >= SIZE_1080P)
		return refuse_invalid(refusal, "resolution",
				      "not supported with reference images");
	return true;
}
