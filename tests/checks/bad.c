/* What each of the checks must find before it is believed to find nothing elsewhere. */
#include <stdlib.h>

int bad(int n);
int bad(int n)
{
    char *text = malloc(4);
    int numbers[3] = {0};
    const int *nothing = NULL;
    if (n == 3)
        return *nothing;
    if (!text || n)
        return 1;
    text[0] = 'a';
    free(text);
    return numbers[3] + text[0];
}
