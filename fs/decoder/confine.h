/*
 * Restricts what this program may do: compute, and use the descriptors that it has.
 * Pictures and videos come from outside and may exploit faults in decoders. A program
 * that is taken over must be useless to an attacker.
 */
#ifndef SEEDANCEFS_FS_DECODER_CONFINE_H
#define SEEDANCEFS_FS_DECODER_CONFINE_H

/*
 * Limits memory, time and files, turns root into nobody, and lets the kernel refuse all
 * system calls that are not needed (if the filter supports this machine). Permanent. 0 or
 * -errno.
 */
int confine(void);

#endif
