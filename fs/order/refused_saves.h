/*
 * What becomes of a save: a trigger, or defaults, that is closed is judged by what it
 * says itself, so that its writer is told.
 *
 * A program whose save was refused may put the text before back: vim and emacs by a
 * rename, vim with `backupcopy=yes` by writing it anew. It is not what the person wants
 * now: so what is older than the refused save, or the very text that this replaced and is
 * there again at once, waits for another save or for `submit`; and so does the refused
 * text itself, should something else make it good. The task's record keeps that over a
 * restart.
 */
#ifndef SEEDANCEFS_FS_ORDER_REFUSED_SAVES_H
#define SEEDANCEFS_FS_ORDER_REFUSED_SAVES_H

#include "fs/folder/filesystem.h"

struct draft_result;

/* A file's content is about to be cut:
 * what a trigger says until then is remembered. Any thread. */
void refused_saves_begin(struct filesystem *fs, struct node *node);
/* A file that was written is closed:
 * 0, or -EINVAL when what it says is not acceptable. Any thread. */
int refused_saves_judge(struct filesystem *fs, struct node *node);

/*
 * 1: a save was refused, and what was gathered was not saved since, or is what was there
 * before: the folder waits, and says why; -EINVAL with the problem: it is refused as it
 * stands; 0: neither; or -errno. The settler's thread.
 */
int refused_saves_hold(struct filesystem *fs, uint64_t number, struct node *directory,
		       const struct draft_result *result, struct problem *ret_problem);
/* Says that there is no trigger, and what became of the last one: some programs remove it
 * when it was refused. The settler's thread. */
void refused_saves_wait_for_trigger(struct filesystem *fs, uint64_t number);
#endif
