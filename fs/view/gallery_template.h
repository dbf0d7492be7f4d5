/*
 * share/gallery.html, compiled in. {{policy}}, {{refresh}}, {{title}}, {{reload}},
 * {{summary}} and {{cards}} stand where gallery_page.c fills it.
 */
#ifndef SEEDANCEFS_FS_VIEW_GALLERY_TEMPLATE_H
#define SEEDANCEFS_FS_VIEW_GALLERY_TEMPLATE_H

extern const char gallery_template[]; /* with a NUL behind it */

#endif
