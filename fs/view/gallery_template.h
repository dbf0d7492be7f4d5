/*
 * share/gallery.html, compiled in. gallery_page.c replaces {{policy}}, {{refresh}},
 * {{title}}, {{reload}}, {{summary}} and {{cards}}.
 */
#ifndef SEEDANCEFS_FS_VIEW_GALLERY_TEMPLATE_H
#define SEEDANCEFS_FS_VIEW_GALLERY_TEMPLATE_H

extern const char gallery_template[]; /* NUL-terminated */

#endif
