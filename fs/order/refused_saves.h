/*
 * The result of a save: when a trigger or a defaults.json is closed, it is judged by its
 * own content, so that the program that saved gets an error (fs/README.md, "Bad input").
 *
 * A program whose save was refused may restore the previous text: vim and emacs by a
 * rename, vim with `backupcopy=yes` by writing it again. The user does not want to order
 * that text. Three texts therefore wait for another save or for `submit`: a text older
 * than the refused save, the replaced text if it is restored immediately, and the refused
 * text itself if another change makes it valid. The task's record keeps this over a
 * restart.
 */
#ifndef SEEDANCEFS_FS_ORDER_REFUSED_SAVES_H
#define SEEDANCEFS_FS_ORDER_REFUSED_SAVES_H

#include "fs/folder/filesystem.h"

struct draft_result;

/*
 * Before a file is truncated: remembers the digest of the current text of a trigger. Any
 * thread.
 */
void refused_saves_begin(struct filesystem *fs, struct node *node);
/*
 * After a written file is closed: 0, or -EINVAL if its content is not acceptable. Any
 * thread.
 */
int refused_saves_judge(struct filesystem *fs, struct node *node);

/*
 * Returns 1 if a save was refused, and the draft is older than it or is the restored
 * previous text: the folder waits and says why; -EINVAL with the problem if the current
 * text is refused; 0 in other cases; or -errno. The settler's thread.
 */
int refused_saves_hold(struct filesystem *fs, uint64_t number, struct node *directory,
		       const struct draft_result *result, struct problem *ret_problem);
/*
 * Says that there is no trigger, and whether the last one was refused: some programs
 * remove a refused file. The settler's thread.
 */
void refused_saves_wait_for_trigger(struct filesystem *fs, uint64_t number);
#endif
