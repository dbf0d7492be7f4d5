/*
 * What this program may do: compute, and speak on the descriptors that it has. Pictures
 * and videos come from outside, and those who make them may know of faults in decoders;
 * whoever takes this program over gets nothing by it.
 */
#ifndef SEEDANCEFS_FS_DECODER_CONFINE_H
#define SEEDANCEFS_FS_DECODER_CONFINE_H

/*
 * Memory, time and files are limited, root becomes nobody, and the kernel refuses each
 * call that is not needed (where its filter knows this machine). For good. 0 or -errno.
 */
int confine(void);

#endif
